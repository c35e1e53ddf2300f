"""Hashed word counts of an exchange, with dense numbers behind them: what linear evaluators read."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from envs.film_text.words import word_grams
from envs.heads import Exchange

BUCKETS = 2**15
"""Hash buckets of the n-grams; the dense numbers stand behind them."""
_CONTEXT_TURNS = 2
_LONGEST = 400
"""Words read of the reply and of the context."""
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[?!.]")


def ngram_matrix(exchanges: Sequence[Exchange], dense: np.ndarray) -> csr_matrix:
    """Which words and pairs of words stand in the reply and in the last two turns, for N exchanges.

    Args:
        exchanges: N of them.
        dense: numbers of each, shape (N, dense).

    Returns:
        A matrix (N, BUCKETS + dense). The reply's first and last word count as n-grams of their own; a longer reply's
        n-grams weigh less each.
    """
    columns: list[int] = []
    values: list[float] = []
    starts = [0]
    tail = range(BUCKETS, BUCKETS + dense.shape[1])
    for exchange, numbers in zip(exchanges, dense.tolist(), strict=True):
        reply = words(exchange.reply)
        context = [word for turn in exchange.context[-_CONTEXT_TURNS:] for word in words(turn.text)]
        grams = {_bucket("r", gram) for gram in word_grams(reply)}
        grams |= {_bucket("first", word) for word in reply[:1]} | {_bucket("last", word) for word in reply[-1:]}
        said = {_bucket("c", gram) for gram in word_grams(context)} - grams
        columns += [*sorted(grams), *sorted(said), *tail]
        scale = 0.3 / np.sqrt(max(1, len(said)))
        values += [1.0 / np.sqrt(1 + len(grams) / 10)] * len(grams) + [scale] * len(said) + numbers
        starts.append(len(columns))
    return csr_matrix((values, columns, starts), shape=(len(exchanges), BUCKETS + dense.shape[1]))


def words(text: str) -> list[str]:
    """The words and sentence stops of a text in lower case, 400 at most."""
    return _WORD.findall(text.lower())[:_LONGEST]


def _bucket(side: str, gram: str) -> int:
    return zlib.crc32(f"{side}:{gram}".encode("utf-8", "replace")) % BUCKETS
