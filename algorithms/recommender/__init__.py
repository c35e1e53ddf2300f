"""Which films suit a conversation: the recommender and its parts, and the baselines that it is held beside.

Open ``recommender.py`` first.
"""
