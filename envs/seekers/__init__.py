"""Who the recommender talks to.

Open ``protocol.py`` first; ``profile.py`` is the seeker that trains policies.
"""
