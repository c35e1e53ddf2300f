"""What is read off a text: emotions, dialogue acts, sentiment, sentence vectors, films that go together.

Open ``emotions.py`` and ``acts.py`` first.
"""
