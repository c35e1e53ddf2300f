"""Matched pairs: a human reply and a worse one to the same context. Does the critic rank them rightly?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.replies.examples import Example, replies_of_kind
from ecr_rl.labels.replies.made_replies import Kind, ReplyMaker

PAIRS = {
    Kind.COLD: "empathy",
    Kind.WRONG_FILM: "recommendation",
    Kind.REPETITIVE: "overall",
    Kind.TRUNCATED: "overall",
}
"""The head that is to fall, by the kind of the worse reply."""
NAMES = {Kind.REPETITIVE: "repeated"}
"""Names of kinds in the figures, where they differ."""
SAME_LENGTH = 0.2
"""Pairs of like length differ by at most this share of the longer one's words."""


@dataclass(frozen=True)
class MatchedPair:
    """Two replies to one context."""

    better: Evidence
    worse: Evidence

    @property
    def same_length(self) -> bool:
        """Whether both are of like length."""
        first, second = (len(piece.exchange.reply.split()) for piece in (self.better, self.worse))
        return abs(first - second) <= SAME_LENGTH * max(first, second)


def matched_pairs(
    cases: Sequence[Example], maker: ReplyMaker, count: int, rng: np.random.Generator
) -> dict[Kind, list[MatchedPair]]:
    """At most ``count`` pairs of each kind: a human reply, and what the maker makes of that very reply.

    Args:
        cases: human examples.
        maker: with phrases and films that training never used.
        count: pairs of a kind.
        rng: decides the cases and the edits.
    """
    return {kind: list(islice(_pairs(cases, maker, kind, rng), count)) for kind in PAIRS}


def _pairs(cases: Sequence[Example], maker: ReplyMaker, kind: Kind, rng: np.random.Generator) -> Iterator[MatchedPair]:
    for case, worse in replies_of_kind(cases, maker, kind, rng):
        if worse.exchange.reply != case.evidence.exchange.reply:
            yield MatchedPair(replace(case.evidence, next_turn=""), worse)


def pair_figures(
    pairs: Sequence[MatchedPair],
    better: np.ndarray,
    worse: np.ndarray,
    label_better: np.ndarray,
    label_worse: np.ndarray,
) -> dict[str, Any]:
    """Shares of N pairs that are ranked rightly, a tie counting half.

    Args:
        pairs: N of them.
        better: the critic's scores (N,) of the human replies.
        worse: of the others.
        label_better: the judge's labels (N,) of the human replies.
        label_worse: of the others.

    Returns:
        ``n``, ``share_right``; the same of pairs of like length (``n_same_length``, ``share_right_same_length``); and
        ``judge_share_right``: the judge's own share, which a critic cannot be expected to pass. None without pairs.
    """
    same = np.array([pair.same_length for pair in pairs], dtype=bool)
    right, judged = _right(better, worse), _right(label_better, label_worse)
    return {
        "n": len(pairs),
        "share_right": _mean(right),
        "n_same_length": int(same.sum()),
        "share_right_same_length": _mean(right[same]),
        "judge_share_right": _mean(judged),
        "judge_share_right_same_length": _mean(judged[same]),
    }


def _right(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    return (better > worse) + 0.5 * (better == worse)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
