"""The replies to judge: human ones, ones made from them, and the policy's.

Open ``examples.py`` first.
"""
