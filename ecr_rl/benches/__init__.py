"""Benchmarks: the speed of a part of the platform, compared with the bare computation in the same run.

Open ``critic.py`` first.
"""
