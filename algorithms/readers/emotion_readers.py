"""Emotion readers: make one from a source, save it in the folder of a trained part, and load it from there."""

from __future__ import annotations

from pathlib import Path

from algorithms.readers.emotion_classifier import EmotionClassifier
from algorithms.readers.emotions import EmotionReader, LexiconEmotions
from envs.corpora.goemotions import load_goemotions

READER = "emotions"
"""The folder of a fitted reader within its part's folder."""


def emotion_reader(source: str) -> EmotionReader:
    """Make a cheap emotion reader: phrases, or a classifier on hashed words that is fitted to GoEmotions.

    Args:
        source: ``lexicon``, ``hub``, or GoEmotions' folder.

    Raises:
        DataError: GoEmotions cannot be read.
    """
    if source == LexiconEmotions.name:
        return LexiconEmotions()
    return EmotionClassifier.fit(load_goemotions(source))


def save_reader(reader: EmotionReader, folder: Path) -> str:
    """Save a fitted reader in ``folder``; return its name, which ``load_reader`` takes."""
    if isinstance(reader, EmotionClassifier):
        reader.save(folder / READER)
    return reader.name


def load_reader(folder: Path, name: str) -> EmotionReader:
    """Load a reader that ``save_reader`` wrote.

    Raises:
        ModelError: the folder holds none.
    """
    return LexiconEmotions() if name == LexiconEmotions.name else EmotionClassifier.load(folder / READER)
