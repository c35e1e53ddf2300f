"""Figures of several training runs together: intervals over training seeds, with the dialogues' variance inside.

K runs differ in their seed and are evaluated on the same N dialogues; a conversation in which a seeker failed in one
run is left out of all. Their mean has two variances:

* ``seeds``: the sample variance of the K runs' differences, divided by K, with K - 1 degrees of freedom. It holds what
  a seed does, and what it does to single dialogues.
* ``dialogues``: the mean covariance of two runs over resamples of the dialogues. It holds what the dialogues do to all
  runs alike, and nothing that ``seeds`` holds. A negative one counts as 0.

The interval is ``mean -+ c sqrt(seeds + dialogues)``. ``c`` is a weighted mean of Student's quantile of K - 1 degrees,
for ``seeds``, and the normal one, for ``dialogues``. Cochran and Cox (Experimental Designs, 1957) weigh by the
variances: with two seeds their intervals cover 94 to 98 %, depending on which variance is larger. Weights
``variance ** 4/3`` keep that within 93 to 97 %. Satterthwaite's degrees of freedom fall to 87 %. A bootstrap that draws
runs and dialogues falls to 79 %, since two runs do not show how much runs vary. The simulation is
``tests/ecr_rl/evaluation/known_truth.py``.

One run says nothing of other seeds: its interval is the bootstrap over dialogues, and speaks of that run alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from ecr_rl.evaluation.bootstrap import COVERAGE, Interval, Metrics, Statistic, draw, interval, percentiles, whole
from ecr_rl.evaluation.conversations.comparison import Systems
from ecr_rl.evaluation.conversations.definitions import main_figures, more_figures
from ecr_rl.evaluation.conversations.figures import statistics_of
from ecr_rl.evaluation.conversations.records import ConversationRecord
from envs.errors import DataError
from envs.heads import Head
from envs.json_record import JsonRecord

Records = Sequence[ConversationRecord]
Key = tuple[int, int]
"""A conversation: index of its dialogue, and repeat."""
Pair = tuple[Statistic, Statistic]
"""One run's figure: of the baseline, and of the trained policy."""
COMMON = 0.9
"""The least share of all conversations that every run must have; below it the runs were given different samples."""
_SHARPNESS = 4 / 3
"""The power of the variances in the weights of ``critical_value``."""


@dataclass(frozen=True, slots=True)
class RunsComparison(JsonRecord):
    """Baseline and trained policy over several runs.

    Attributes:
        difference: of each figure the mean over runs of rl - baseline, with its interval.
        each: of each run its own differences.
        accepted: of each run the share of conversations in which the seeker accepted a film.
        runs: how many.
        n: dialogues.
        seeker_failures: conversations that are in no figure: a seeker could not answer in one of the runs.
    """

    difference: Metrics
    each: list[Metrics]
    accepted: list[Systems[Interval | None]]
    runs: int
    n: int
    seeker_failures: int


def difference_over_runs(pairs: Sequence[Pair], counts_BN: np.ndarray) -> Interval | None:
    """The mean over K runs of trained - baseline, with its interval.

    Args:
        pairs: for each run the figure's two statistics, over the same N dialogues.
        counts_BN: how often each resample draws each dialogue.

    Returns:
        The interval of ``over_seeds``; with one run the percentile bootstrap over dialogues, which speaks of that run
        alone. None if a run lacks data for one of its systems.
    """
    means_K, draws_KB = [], []
    for baseline, rl in pairs:
        both = baseline.present & rl.present
        if not both.any():
            return None
        first, second = baseline.restricted(both), rl.restricted(both)
        draws_KB.append(second.over(counts_BN) - first.over(counts_BN))
        means_K.append(whole(second) - whole(first))
    if len(pairs) == 1:
        return percentiles(means_K[0], draws_KB[0])
    return over_seeds(np.array(means_K), np.array(draws_KB))


def over_seeds(means_K: np.ndarray, draws_KB: np.ndarray) -> Interval | None:
    """The mean of K >= 2 runs with its t-interval; see the module for the formula.

    Args:
        means_K: (K,) each run's figure on all dialogues.
        draws_KB: (K, B) the same on B resamples of the dialogues, each resample the same for every run.

    Returns:
        The interval; None where a figure is not defined on all dialogues, or on fewer than two resamples.
    """
    defined = np.isfinite(draws_KB).all(0)
    if not np.isfinite(means_K).all() or defined.sum() < 2:
        return None
    runs, mean = len(means_K), float(means_K.mean())
    covariance = np.cov(draws_KB[:, defined])
    seeds = float(means_K.var(ddof=1)) / runs
    dialogues = max(0.0, float(covariance.sum() - np.trace(covariance)) / (runs * (runs - 1)))
    half = critical_value(seeds, dialogues, runs) * math.sqrt(seeds + dialogues)
    return Interval(mean, mean - half, mean + half)


def critical_value(seeds: float, dialogues: float, runs: int) -> float:
    """The half width of an interval in standard errors.

    Args:
        seeds: the mean's variance by training seeds.
        dialogues: its variance by dialogues.
        runs: K.
    """
    tail = (1 + COVERAGE) / 2
    of_seeds, of_dialogues = seeds**_SHARPNESS, dialogues**_SHARPNESS
    if not of_seeds:
        return float(norm.ppf(tail))
    return float((of_seeds * t.ppf(tail, runs - 1) + of_dialogues * norm.ppf(tail)) / (of_seeds + of_dialogues))


def compare_runs(
    runs: Sequence[tuple[Records, Records]],
    heads: Sequence[Head],
    *,
    failed: Collection[Key] = (),
    resamples: int = 2000,
    seed: int = 0,
) -> RunsComparison:
    """Compare baseline and trained policy over several runs, on the conversations that all runs have.

    Args:
        runs: for each run both systems' records.
        heads: that the runs score.
        failed: (index, repeat) of conversations to leave out, as a seeker is known to have failed in them; a
            conversation that only some runs have counts as such a one.
        resamples: bootstrap resamples.
        seed: of the resamples.

    Raises:
        DataError: no run is given, or fewer than ``COMMON`` of the conversations are in all of them.
    """
    if not runs:
        raise DataError("no runs to compare", remedy="Name at least one run folder that was evaluated")
    kept, left_out = _of_all_runs(runs, failed)
    statistics = [statistics_of(*records, heads) for records in kept]
    dialogues = len(statistics[0].dialogues[0])
    counts_BN = draw(dialogues, resamples, seed)
    names = [definition.name for definition in (*main_figures(heads), *more_figures(heads))]
    pairs = {name: [(each.figures[0][name], each.figures[1][name]) for each in statistics] for name in names}
    return RunsComparison(
        difference={name: difference_over_runs(pairs[name], counts_BN) for name in names},
        each=[
            {name: difference_over_runs([pairs[name][run]], counts_BN) for name in names} for run in range(len(runs))
        ],
        accepted=[
            Systems(*(interval(figures["accepted"], counts_BN) for figures in each.figures)) for each in statistics
        ],
        runs=len(runs),
        n=dialogues,
        seeker_failures=len(left_out),
    )


def _of_all_runs(
    runs: Sequence[tuple[Records, Records]], failed: Collection[Key]
) -> tuple[list[tuple[Records, Records]], set[Key]]:
    """Both systems' records of the conversations that every run has, and which ones are left out."""
    keys = [{record.key for records in both for record in records}.difference(failed) for both in runs]
    every, common = set[Key]().union(*keys), keys[0].intersection(*keys)
    if len(common) < COMMON * len(every):
        raise DataError(
            f"the runs were evaluated on different dialogues: only {len(common)} of {len(every)} conversations are in "
            "all of them",
            field="index",
            remedy="Evaluate all of them on the same ones: evaluation.dialogues and data must be alike",
        )
    kept: list[tuple[Records, Records]] = [
        (
            [record for record in baseline if record.key in common],
            [record for record in rl if record.key in common],
        )
        for baseline, rl in runs
    ]
    return kept, (every - common).union(failed)
