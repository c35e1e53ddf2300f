"""Evaluation on held-out data: conversations, critics, recommenders, responders; bootstrap intervals.

Open ``bootstrap.py`` first, or the room of what you evaluate.
"""
