"""What the evaluator of people reads of an exchange: a frozen encoder's vectors, and counts.

No rubric, no film table and nothing that learnt from a rubric is among them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from algorithms.readers.sentences import SentenceEncoder
from algorithms.readers.sentiment import compound
from envs.film_text.words import WORD, repetition
from envs.heads import Exchange

COUNTS = (
    *("words", "distinct", "questions", "exclamations", "sentiment", "seeker_sentiment", "overlap", "repeated"),
    *("dated_title", "long_words", "you", "last_words", "finished", "asked", "nearness"),
)
"""Names of the counts, in their order."""
_LONGEST = 2000
"""Characters read of a text."""
_LONG_WORD = 5
"""Letters from which a word counts as long."""
_YEAR = re.compile(r"\(\d{4}\)")
_YOU = re.compile(r"\byou(?:r|rs)?\b", re.IGNORECASE)


class ReplyFeatures:
    """Reads exchanges with a sentence encoder.

    The features are the reply's vector, that of the last turn before it, their elementwise product, and ``COUNTS``.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        """Read with this encoder, whose vectors have length 1."""
        self._encoder = encoder
        self.width = 3 * encoder.width + len(COUNTS)

    def of(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """The features (N, width) float64 of N exchanges."""
        if not exchanges:
            return np.zeros((0, self.width))
        texts = [exchange.reply for exchange in exchanges] + [exchange.last_turn for exchange in exchanges]
        vectors = self._encoder.embed(texts).astype(np.float64)
        reply, last = vectors[: len(exchanges)], vectors[len(exchanges) :]
        # A product of unit vectors is shorter by some sqrt(width).
        product = reply * last * np.sqrt(self._encoder.width)
        counts = np.array([_counts(exchange) for exchange in exchanges])
        return np.column_stack([reply, last, product, counts, (reply * last).sum(axis=1)])


def _counts(exchange: Exchange) -> list[float]:
    """The counts of one exchange, but for ``nearness``, the cosine of reply and last turn."""
    reply, last = exchange.reply[:_LONGEST], exchange.last_turn[:_LONGEST]
    words, before = _words(reply), set(_words(last))
    distinct = set(words)
    earlier = [text[:_LONGEST] for text in exchange.earlier_replies]
    return [
        np.log1p(len(words)),
        len(distinct) / max(1, len(words)),
        min(2, reply.count("?")),
        min(3, reply.count("!")),
        compound(reply),
        compound(exchange.last_seeker_turn),
        len(distinct & before) / max(1, len(distinct)),
        repetition([reply], earlier),
        float(bool(_YEAR.search(reply))),
        np.log1p(sum(len(word) >= _LONG_WORD for word in distinct)),
        min(3, len(_YOU.findall(reply))),
        np.log1p(len(before)),
        float(reply.rstrip()[-1:] in tuple(".?!)")),
        float("?" in last),
    ]


def _words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(text)]
