"""A policy in conversation: records, metrics with intervals, several runs together.

Open ``compare.py`` first.
"""
