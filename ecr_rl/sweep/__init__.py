"""Sweeps on Ray Tune: many trainings under drawn settings, chosen by a judge that none of them is paid by.

Open ``sweep.py`` first.
"""
