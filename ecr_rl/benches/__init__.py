"""Benches: a part of the platform beside its bare floor, alternating in one run.

Open ``critic.py`` first.
"""
