"""Evaluate a critic: its predictions of the judge, its ranking of replies, its agreement with people.

Open ``critic_evaluation.py`` first.
"""
