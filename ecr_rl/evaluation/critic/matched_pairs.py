"""Matched pairs of a human reply and a worse one to the same context, and how often a critic ranks them correctly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ecr_rl.evaluation.critic.results import PairShares
from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.replies.examples import Example, replies_of_kind
from ecr_rl.labels.replies.made_replies import Kind, ReplyMaker

PAIRS = {
    Kind.COLD: "empathy",
    Kind.WRONG_FILM: "recommendation",
    Kind.REPETITIVE: "overall",
    Kind.TRUNCATED: "overall",
}
"""The head that should fall, by the kind of the worse reply."""
NAMES = {Kind.REPETITIVE: "repeated"}
"""Names of kinds in the figures, where they differ."""
SAME_LENGTH = 0.2
"""Replies have the same length if they differ by at most this share of the longer one's words."""


@dataclass(frozen=True)
class MatchedPair:
    """Two replies to one context."""

    better: Evidence
    worse: Evidence

    @property
    def same_length(self) -> bool:
        """Whether both have similar length."""
        first, second = (len(piece.exchange.reply.split()) for piece in (self.better, self.worse))
        return abs(first - second) <= SAME_LENGTH * max(first, second)


def matched_pairs(
    cases: Sequence[Example], maker: ReplyMaker, count: int, rng: np.random.Generator
) -> dict[Kind, list[MatchedPair]]:
    """At most ``count`` pairs of each kind: a human reply, and the reply that the maker makes of it.

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


def pair_shares(
    head: str,
    pairs: Sequence[MatchedPair],
    better: np.ndarray,
    worse: np.ndarray,
    label_better: np.ndarray,
    label_worse: np.ndarray,
) -> PairShares:
    """Shares of N pairs that are ranked correctly, a tie counting half.

    Args:
        head: the head that the scores and labels are of.
        pairs: N pairs.
        better: the critic's scores (N,) of the human replies.
        worse: the critic's scores (N,) of the worse replies.
        label_better: the judge's labels (N,) of the human replies.
        label_worse: the judge's labels (N,) of the worse replies.
    """
    same = np.array([pair.same_length for pair in pairs], dtype=bool)
    right, judged = _right(better, worse), _right(label_better, label_worse)
    return PairShares(
        head=head,
        n=len(pairs),
        share_right=_mean(right),
        n_same_length=int(same.sum()),
        share_right_same_length=_mean(right[same]),
        judge_share_right=_mean(judged),
        judge_share_right_same_length=_mean(judged[same]),
    )


def _right(better: np.ndarray, worse: np.ndarray) -> np.ndarray:
    return (better > worse) + 0.5 * (better == worse)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
