"""Measure whether the critic and the reporting evaluator rank conversations in the same order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from algorithms.evaluators.regression_figures import spearman
from ecr_rl.evaluation.bootstrap import Interval, percentiles
from ecr_rl.evaluation.conversations.definitions import SYSTEMS


def rank_agreement(
    paid: Mapping[str, np.ndarray], held_out: Mapping[str, np.ndarray], counts_BN: np.ndarray
) -> dict[str, Interval | None]:
    """Spearman's correlation of the reward and the held-out score over dialogues.

    Args:
        paid: the training critic's reward of N dialogues, by system: ``baseline`` and ``rl``, each (N,).
        held_out: the reporting evaluator's scores of the same dialogues; NaN where it has none.
        counts_BN: how often each of B resamples draws each dialogue.

    Returns:
        The correlation for each system, and for ``gain`` (rl - baseline). If the gains correlate, the policy has not
        only learnt what the critic rewards. None if fewer than three dialogues have both scores.
    """
    pairs = {name: (paid[name], held_out[name]) for name in SYSTEMS}
    pairs["gain"] = paid["rl"] - paid["baseline"], held_out["rl"] - held_out["baseline"]
    return {name: _correlation(*pair, counts_BN) for name, pair in pairs.items()}


def _correlation(first: np.ndarray, second: np.ndarray, counts_BN: np.ndarray) -> Interval | None:
    known = np.flatnonzero(np.isfinite(first) & np.isfinite(second))
    if len(known) < 3:
        return None
    draws = (np.repeat(known, counts[known]) for counts in counts_BN.astype(np.int64))
    found = np.array([spearman(first[draw], second[draw]) for draw in draws if len(draw)])
    return percentiles(spearman(first[known], second[known]), found)
