"""Baseline against RL on held-out dialogues: records of conversations, figures, paired bootstrap intervals."""
