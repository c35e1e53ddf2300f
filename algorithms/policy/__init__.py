"""The language model that speaks for the recommender: loading, sampling, supervised training.

Open ``language_model.py`` first, then ``rollout.py``.
"""
