"""Texts as vectors of unit length, for similarity: from a frozen encoder, or from hashed words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from algorithms.readers.hashed_grams import HashedGrams
from envs.film_text.words import WORD

WORDS = "words"


class SentenceEncoder(Protocol):
    """Embeds texts.

    Attributes:
        name: what ``sentence_sources.load_sentences`` takes.
        width: numbers a text.
    """

    name: str
    width: int

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (N, width) float32 of unit length; zeros for a text without words."""
        ...


class WordSentences:
    """Signed hashed counts of words and word pairs; needs no model."""

    name = WORDS

    def __init__(self, width: int = 512) -> None:
        """Hash into ``width`` numbers."""
        self.width = width
        self._grams = HashedGrams.of_words(width, WORD.pattern, signed=True)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (N, width) float32 of unit length; zeros for a text without words."""
        return self._grams.of(texts).toarray().astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale each row of (N, width) to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
