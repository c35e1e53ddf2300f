"""One turn of a conversation: what is observed, proposed, replied and kept.

Open ``state.py`` first.
"""
