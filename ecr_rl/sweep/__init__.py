"""Sweeps on Ray Tune: many trainings with drawn settings; an evaluator that pays none of them chooses the best.

Open ``sweep.py`` first.
"""
