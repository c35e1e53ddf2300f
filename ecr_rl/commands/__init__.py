"""The commands of ``ecr-rl``, a file for each group.

Open ``run.py`` first: it trains, evaluates and reports.
"""
