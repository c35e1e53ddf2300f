"""Run folders: a run's files, its progress, and the parts that runs share.

Open ``folder.py`` first.
"""
