"""The stages that train: each takes a corpus and settings and leaves a folder.

Open ``ppo.py`` first.
"""
