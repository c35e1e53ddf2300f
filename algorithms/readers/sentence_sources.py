"""Load a sentence encoder by its name: hashed words, or a frozen encoder."""

from __future__ import annotations

from algorithms.readers.sentences import WORDS, SentenceEncoder, WordSentences


def load_sentences(source: str) -> SentenceEncoder:
    """The encoder of a name: ``words``, ``minilm``, a folder or a hub id."""
    if source == WORDS:
        return WordSentences()
    from algorithms.readers.frozen_sentences import FrozenSentences  # imports torch, which words do not need

    return FrozenSentences(source)
