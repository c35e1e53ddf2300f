"""Where dialogues come from: ReDial, the embedded corpus, labelled corpora.

Open ``corpus.py`` first.
"""
