"""A film recommender on published protocols.

Open ``recommendation.py`` first.
"""
