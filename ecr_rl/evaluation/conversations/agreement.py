"""Measure whether the critic and the reporting evaluator rank conversations in the same order."""

from __future__ import annotations

import numpy as np

from algorithms.evaluators.regression_figures import spearman
from ecr_rl.evaluation.bootstrap import Interval, percentiles
from ecr_rl.evaluation.conversations.comparison import Agreement, Systems


def rank_agreement(paid: Systems[np.ndarray], held_out: Systems[np.ndarray], counts_BN: np.ndarray) -> Agreement:
    """Spearman's correlation of the reward and the held-out score over dialogues.

    Args:
        paid: the training critic's reward of N dialogues, (N,).
        held_out: the reporting evaluator's scores of the same dialogues, (N,); NaN where it has none.
        counts_BN: how often each of B resamples draws each dialogue.

    Returns:
        The correlation for each system, and for the gain (rl - baseline). If the gains correlate, the policy has not
        only learnt what the critic rewards. None if fewer than three dialogues have both scores.
    """
    return Agreement(
        baseline=_correlation(paid.baseline, held_out.baseline, counts_BN),
        rl=_correlation(paid.rl, held_out.rl, counts_BN),
        gain=_correlation(paid.rl - paid.baseline, held_out.rl - held_out.baseline, counts_BN),
    )


def _correlation(first: np.ndarray, second: np.ndarray, counts_BN: np.ndarray) -> Interval | None:
    known = np.flatnonzero(np.isfinite(first) & np.isfinite(second))
    if len(known) < 3:
        return None
    draws = (np.repeat(known, counts[known]) for counts in counts_BN.astype(np.int64))
    resampled = np.array([spearman(first[draw], second[draw]) for draw in draws if len(draw)])
    return percentiles(spearman(first[known], second[known]), resampled)
