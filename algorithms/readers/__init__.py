"""Text readers: emotions, dialogue acts, sentiment, sentence vectors, and which films go together.

Open ``emotions.py`` and ``acts.py`` first.
"""
