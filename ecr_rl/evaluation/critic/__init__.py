"""How well a critic predicts, ranks, and agrees with people.

Open ``critic_evaluation.py`` first.
"""
