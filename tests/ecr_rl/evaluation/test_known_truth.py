"""Intervals hold the true value as often as they say, in evaluations whose truth is known."""

from __future__ import annotations

import pytest

from tests.ecr_rl.evaluation.known_truth import (
    HEAVY,
    NORMAL,
    SKEWED,
    Truth,
    coverage,
    in_deviations,
    with_fixed_unit,
)


@pytest.mark.parametrize("runs", [1, 2, 3, 5])
@pytest.mark.parametrize("seeds", [0.0, 0.1])
def test_intervals_of_few_seeds_hold_the_true_gain(runs: int, seeds: float) -> None:
    """400 evaluations: .95 -+ 2.5 standard errors of .011, and .02 for the method."""
    assert 0.92 <= coverage(Truth(seeds), runs, 400, 3, resamples=400) <= 0.985


def test_the_unit_is_drawn_with_the_dialogues() -> None:
    """A gain of two deviations: with the unit held fixed a sixth of the intervals miss it."""
    truth = Truth(0.0, gain=2.0)
    assert coverage(truth, 1, 400, 3, in_deviations, 400) >= 0.92
    assert coverage(truth, 1, 400, 3, with_fixed_unit, 400) <= 0.88


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [NORMAL, SKEWED, HEAVY])
@pytest.mark.parametrize("seeds", [0.0, 0.03, 0.1, 0.3])
def test_intervals_cover_93_to_97_percent(runs: int, shape: str, seeds: float) -> None:
    """4,000 evaluations: three standard errors are .01."""
    assert 0.93 - 0.01 <= coverage(Truth(seeds, shape=shape), runs, 4000, 1) <= 0.97 + 0.01
