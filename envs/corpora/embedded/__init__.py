"""The corpus that comes with the package: dialogues generated from a seed and a grammar.

Open ``sample.py`` first.
"""
