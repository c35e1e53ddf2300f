"""Texts as vectors of unit length, for similarity: from a frozen encoder, or from hashed words."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from envs.film_text.words import WORD, word_grams

WORDS = "words"
LONGEST = 600
"""A text is cut to this many characters."""


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
    """Signed hashed counts of words and word pairs, square-rooted; needs no model."""

    name = WORDS

    def __init__(self, width: int = 512) -> None:
        """Hash into ``width`` numbers."""
        self.width = width

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (N, width) float32 of unit length; zeros for a text without words."""
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        for row, text in enumerate(texts):
            words = WORD.findall(text[:LONGEST].lower())
            for gram in word_grams(words):
                code = zlib.crc32(gram.encode("utf-8", "replace"))
                vectors[row, (code >> 1) % self.width] += 1.0 if code & 1 else -1.0
        return unit(np.sign(vectors) * np.sqrt(np.abs(vectors)))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale each row of (N, width) to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
