"""Which films suit a conversation: the film recommender, its parts, and baselines to compare it with.

Open ``recommender.py`` first.
"""
