"""The critic: the reward model that scores a reply on every head.

Open ``critic.py`` first.
"""
