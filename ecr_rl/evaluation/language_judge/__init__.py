"""Evaluation by a language model: ECR's five axes and a preference between two policies, beside people's ratings.

Open ``forms.py`` first, which has the questions, then ``judging.py``, which asks them of a run.
"""
