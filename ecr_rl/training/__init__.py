"""The training stages: each reads a corpus and settings, and writes the folder of a trained part.

Open ``ppo.py`` first.
"""
