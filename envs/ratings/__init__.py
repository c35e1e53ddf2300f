"""What people said of replies and of whole dialogues: their ratings as records, their readers, their division.

Open ``record.py`` first.
"""
