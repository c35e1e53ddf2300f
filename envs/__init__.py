"""The world: dialogues, films, seekers, rewards. Neither torch nor ray is imported here."""
