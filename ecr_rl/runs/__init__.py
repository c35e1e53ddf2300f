"""Run folders: what a run writes, how far it is, and the parts that runs share.

Open ``folder.py`` first.
"""
