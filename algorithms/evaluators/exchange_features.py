"""What the evaluators read of an exchange: word n-grams or character n-grams, and a few numbers beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix, hstack

from algorithms.readers.hashed_grams import HashedGrams, readable
from algorithms.readers.sentiment import compound
from envs.film_text.words import repeated_share
from envs.heads import Exchange

_BUCKETS = 2**15
"""Hash buckets of the reply's n-grams; as many for the context's."""
_CONTEXT = 0.3
"""Length of the context's n-grams beside 1 for the reply's."""


class ExchangeFeatures(Protocol):
    """What an evaluator reads of an exchange.

    Attributes:
        name: stands in an evaluator's card.
        buckets: columns of ``grams``.
    """

    name: str
    buckets: int

    def grams(self, exchanges: Sequence[Exchange]) -> csr_matrix:
        """Hashed n-grams (N, buckets) of N exchanges."""
        ...

    def numbers(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Other numbers (N, K) of N exchanges, in any units: the evaluator standardises them."""
        ...


class WordFeatures:
    """Words and pairs of words of the reply and of the two turns before it; six numbers.

    The reply stands between marks, so that its first and its last word count as pairs of their own.
    """

    name, buckets = "words", 2 * _BUCKETS
    _MARKED = "<s> {} </s>"
    _LONGEST = 2000
    """Characters read of a text."""
    _WORD = r"[^\W_]+(?:'[^\W_]+)*|[?!.]"
    """Words and the stops of sentences."""

    def __init__(self) -> None:
        """Ready to read: there is nothing to learn."""
        longest = self._LONGEST + len(self._MARKED)
        self._grams = HashedGrams.of_words(_BUCKETS, f"{self._WORD}|</?s>", longest)
        self._word = re.compile(self._WORD)

    def grams(self, exchanges: Sequence[Exchange]) -> csr_matrix:
        """Hashed n-grams (N, buckets) of N exchanges, the reply's before the context's."""
        replies = [self._MARKED.format(exchange.reply[: self._LONGEST]) for exchange in exchanges]
        contexts = [" ".join(turn.text for turn in exchange.context[-2:]) for exchange in exchanges]
        return _side_by_side(self._grams, replies, contexts)

    def numbers(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Length, its logarithm, sentiment, questions, overlap with the context, share of repeated pairs: (N, 6)."""
        return np.array([self._six(exchange) for exchange in exchanges], dtype=np.float64).reshape(-1, 6)

    def _six(self, exchange: Exchange) -> list[float]:
        reply = self._words(exchange.reply)
        distinct, said = set(reply), {word for turn in exchange.context[-2:] for word in self._words(turn.text)}
        return [
            len(reply),
            np.log1p(len(reply)),
            compound(exchange.reply),
            float("?" in reply),
            len(distinct & said) / max(1, len(distinct)),
            repeated_share(list(pairwise(reply))),
        ]

    def _words(self, text: str) -> list[str]:
        return self._word.findall(readable(text, self._LONGEST))


class CharacterFeatures:
    """Runs of three to five characters of the reply and of the last turn before it; eight counts."""

    name, buckets = "characters", 2 * _BUCKETS
    _LONGEST = 1000
    """Characters read of a text."""
    _WORD, _YEAR = re.compile(r"\w+"), re.compile(r"\(\d{4}\)")

    def __init__(self) -> None:
        """Ready to read: there is nothing to learn."""
        self._grams = HashedGrams.of_characters(_BUCKETS, (3, 5), self._LONGEST)

    def grams(self, exchanges: Sequence[Exchange]) -> csr_matrix:
        """Hashed n-grams (N, buckets) of N exchanges, the reply's before the context's."""
        replies = [exchange.reply for exchange in exchanges]
        return _side_by_side(self._grams, replies, [exchange.last_turn for exchange in exchanges])

    def numbers(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Counts of N exchanges, (N, 8).

        Words and their logarithm, the share of distinct words, questions, exclamations, whether the reply is finished,
        the share of its words that the last turn holds too, whether a year in brackets tells of a film.
        """
        return np.array([self._eight(exchange) for exchange in exchanges], dtype=np.float64).reshape(-1, 8)

    def _eight(self, exchange: Exchange) -> list[float]:
        reply = exchange.reply[: self._LONGEST]
        words, said = self._words(reply), set(self._words(exchange.last_turn))
        distinct = set(words)
        return [
            min(len(words), 60),
            np.log1p(len(words)),
            len(distinct) / max(1, len(words)),
            min(2, reply.count("?")),
            min(3, reply.count("!")),
            float(reply.rstrip()[-1:] in tuple(".?!)")),
            len(distinct & said) / max(1, len(distinct)),
            float(bool(self._YEAR.search(reply))),
        ]

    def _words(self, text: str) -> list[str]:
        return self._WORD.findall(text[: self._LONGEST].lower())


def _side_by_side(grams: HashedGrams, replies: Sequence[str], contexts: Sequence[str]) -> csr_matrix:
    return csr_matrix(hstack([grams.of(replies), _CONTEXT * grams.of(contexts)]))
