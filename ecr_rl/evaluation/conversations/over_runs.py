"""Figures of several training runs together: intervals over training seeds, and over dialogues within them.

Of K runs that differ in their seed, on the same N dialogues, a resample draws K runs with replacement, then N dialogues
with replacement, the same for every run; a figure is the mean over the drawn runs (Agarwal et al., NeurIPS 2021, on
intervals over runs). With one run it is the bootstrap over dialogues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecr_rl.evaluation.bootstrap import Interval, Metrics, Statistic, draw, interval, percentiles, whole
from ecr_rl.evaluation.conversations.comparison import Systems
from ecr_rl.evaluation.conversations.definitions import main_figures, more_figures
from ecr_rl.evaluation.conversations.figures import statistics_of
from ecr_rl.evaluation.conversations.records import ConversationRecord
from envs.errors import DataError
from envs.heads import Head
from envs.json_record import JsonRecord

Records = Sequence[ConversationRecord]
Pair = tuple[Statistic, Statistic]
"""One run's figure: of the baseline, and of the trained policy."""


@dataclass(frozen=True, slots=True)
class RunsComparison(JsonRecord):
    """Baseline and trained policy over several runs.

    Attributes:
        difference: of each figure the mean over runs of rl - baseline, with its nested interval.
        each: of each run its own differences.
        accepted: of each run the share of conversations in which the seeker accepted a film.
        runs: how many.
        n: dialogues.
    """

    difference: Metrics
    each: list[Metrics]
    accepted: list[Systems[Interval | None]]
    runs: int
    n: int


def nested_difference(pairs: Sequence[Pair], counts_BN: np.ndarray, seed: int) -> Interval | None:
    """The mean over K runs of trained - baseline, with its interval.

    Args:
        pairs: for each run the figure's two statistics, over the same N dialogues.
        counts_BN: how often each resample draws each dialogue.
        seed: draws the runs.

    Returns:
        The interval; None if a run lacks data for one of its systems.
    """
    differences_KB, means_K = [], []
    for baseline, rl in pairs:
        both = baseline.present & rl.present
        if not both.any():
            return None
        first, second = baseline.restricted(both), rl.restricted(both)
        differences_KB.append(second.over(counts_BN) - first.over(counts_BN))
        means_K.append(whole(second) - whole(first))
    runs = len(pairs)
    drawn_BK = np.random.default_rng([seed, 53]).multinomial(runs, np.full(runs, 1 / runs), size=len(counts_BN)) / runs
    return percentiles(float(np.mean(means_K)), (drawn_BK * np.array(differences_KB).T).sum(1))


def compare_runs(
    runs: Sequence[tuple[Records, Records]], heads: Sequence[Head], *, resamples: int = 2000, seed: int = 0
) -> RunsComparison:
    """Compare baseline and trained policy over several runs.

    Args:
        runs: for each run both systems' records.
        heads: that the runs score.
        resamples: bootstrap resamples.
        seed: of the resamples.

    Raises:
        DataError: the runs were evaluated on different dialogues, or no run is given.
    """
    if not runs:
        raise DataError("no runs to compare", remedy="Name at least one run folder that was evaluated")
    statistics = [statistics_of(*records, heads) for records in runs]
    indices = [[records[0].index for records in each.dialogues[0]] for each in statistics]
    if any(other != indices[0] for other in indices[1:]):
        raise DataError(
            "the runs were evaluated on different dialogues",
            field="index",
            remedy="Evaluate all of them on the same ones: evaluation.dialogues and data must be alike",
        )
    counts_BN = draw(len(indices[0]), resamples, seed)
    names = [definition.name for definition in (*main_figures(heads), *more_figures(heads))]
    pairs = {name: [(each.figures[0][name], each.figures[1][name]) for each in statistics] for name in names}
    return RunsComparison(
        difference={name: nested_difference(pairs[name], counts_BN, seed) for name in names},
        each=[
            {name: nested_difference([pairs[name][run]], counts_BN, seed) for name in names} for run in range(len(runs))
        ],
        accepted=[
            Systems(*(interval(figures["accepted"], counts_BN) for figures in each.figures)) for each in statistics
        ],
        runs=len(runs),
        n=len(indices[0]),
    )
