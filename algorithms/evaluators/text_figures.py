"""Figures of texts: BLEU in ECR's formula and sacrebleu's, DIST in its two common formulas, length.

Words are whitespace tokens with their case and punctuation, as ECR and UniCRS count them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics.bleu import BLEU

ORDERS = (1, 2, 3, 4)
Gram = tuple[str, ...]


def grams(text: str, order: int) -> list[Gram]:
    """The word n-grams of a text, in order."""
    words = text.split()
    return [tuple(words[start : start + order]) for start in range(len(words) - order + 1)]


def word_count(text: str) -> int:
    """Whitespace tokens of a text."""
    return len(text.split())


def bleu(reply: str, reference: str, order: int) -> float:
    """Sentence BLEU with all weight on one order, unsmoothed: ECR's and UniCRS's BLEU-k, in [0, 1].

    Clipped n-gram precision times the brevity penalty (Papineni et al. 2002, one reference).
    """
    said, wanted = Counter(grams(reply, order)), Counter(grams(reference, order))
    if not said:
        return 0.0
    matches = sum((said & wanted).values())
    reply_words, reference_words = word_count(reply), word_count(reference)
    brevity = 1.0 if reply_words >= reference_words else math.exp(1 - reference_words / reply_words)
    return brevity * matches / said.total()


@dataclass(frozen=True)
class GramCounts:
    """The n-grams of N dialogues.

    Attributes:
        distinct: different n-grams of all dialogues.
        alone: shape (N,): different n-grams that no other dialogue has.
        totals: shape (N,): n-grams, repeated ones included.
        sentences: shape (N,): replies that are not empty.
    """

    distinct: int
    alone: np.ndarray
    totals: np.ndarray
    sentences: np.ndarray


def count_grams(dialogues: Sequence[Sequence[str]], order: int) -> GramCounts:
    """Count the n-grams of each dialogue's replies; n-grams do not reach across replies."""
    grams_found = [[gram for reply in replies for gram in grams(reply, order)] for replies in dialogues]
    holders = Counter(gram for row in grams_found for gram in set(row))
    return GramCounts(
        distinct=len(holders),
        alone=np.array([sum(holders[gram] == 1 for gram in set(row)) for row in grams_found], dtype=np.float64),
        totals=np.array([len(row) for row in grams_found], dtype=np.float64),
        sentences=np.array([sum(bool(reply.split()) for reply in row) for row in dialogues], dtype=np.float64),
    )


def sacrebleu_score(replies: Sequence[str], references: Sequence[str]) -> tuple[float, str] | None:
    """Corpus BLEU of sacrebleu (0 to 100) with the signature that names its settings; None without cases."""
    if not replies:
        return None
    metric = BLEU()
    return metric.corpus_score(list(replies), [list(references)]).score, str(metric.get_signature())
