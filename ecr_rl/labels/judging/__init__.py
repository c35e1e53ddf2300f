"""Judges of replies: the rubric, chat models, endpoints.

Open ``judge_protocol.py`` first, then ``rubric.py``.
"""
