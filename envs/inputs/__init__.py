"""What comes from outside: bytes, text, JSON and tables' words, read and checked in one way.

Open ``text.py`` first.
"""
