"""Trials of a sweep that nobody trained, and what such a sweep leaves."""

from __future__ import annotations

from ecr_rl.evaluation.bootstrap import Interval, Metrics
from ecr_rl.report.sweep_record import (
    CandidateComparison,
    EqualWeights,
    Seconds,
    SweepRecord,
    TrialFigures,
    Winner,
)
from ecr_rl.sweep.search import TrialResult


def trial(
    name: str, objective: float | None, kl: float = 0.1, status: str = "finished", cap: float = 1.0
) -> TrialResult:
    values = {"reward.weights": {"empathy": 0.25, "overall": 0.75}, "reward.cap": cap}
    figures = TrialFigures(kl, dist2=0.3, iteration=10, start_score=0.4, reward_mean=0.2, length_words=12.0)
    return TrialResult(name, values, objective, status, 15, figures, 60.0, error=None if objective else "out of memory")


def comparison(low: float, mean: float, high: float) -> CandidateComparison:
    judged: Metrics = {
        "held_out_overall": Interval(mean, low, high),
        "rubric_overall_deviations": Interval(0.5, 0.25, 0.75),
    }
    width = high - low
    return CandidateComparison(
        difference=judged,
        each=[judged],
        accepted=[],
        runs=5,
        n=200,
        seeker_failures=0,
        width=width,
        smallest_effect=2.8 * width / 3.92,
        beats=low > 0,
    )


def sweep_record(trials: list[TrialResult]) -> SweepRecord:
    """A sweep of these trials, whose winner beat equal weights."""
    return SweepRecord(
        name="weights",
        trials=[each.record for each in trials],
        winner=Winner.extending(trials[0].record),
        equal_weights=EqualWeights({}),
        comparison=comparison(0.1, 0.2, 0.3),
        seconds=Seconds(search=600.0, finals=900.0),
    )
