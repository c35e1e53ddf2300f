"""Weights fitted to people's overall ratings: what they find, how they are pulled, what they cannot be fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.people.measured_parts import PARTS
from algorithms.people.overall_fit import LIMIT, OverallFit, OverallRatings, fit_overall

COUNT = len(PARTS)


def ratings(weights: np.ndarray, noise: float, records: int = 400, seed: int = 0, name: str = "own") -> OverallRatings:
    """Records whose rating is a weighted sum of their parts and noise, held to [0, 1]."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(size=(records, COUNT))
    values = 0.5 + 0.1 * (parts @ weights + noise * rng.normal(size=records))
    return OverallRatings(name, parts, np.clip(values, 0, 1), np.arange(records) // 2, parts)


def test_equal_weights_are_found_and_lie_within_their_intervals() -> None:
    fit = fit_overall([ratings(np.ones(COUNT), 1.0)])
    assert fit.weights == pytest.approx(np.full(COUNT, 1 / COUNT), abs=0.02)
    intervals = fit.facts["intervals"].values()
    assert all(low <= weight <= high for weight, (low, high) in zip(fit.weights, intervals, strict=True))


def test_a_part_that_people_do_not_rate_weighs_less_but_for_the_pull() -> None:
    alone = np.zeros(COUNT)
    alone[0] = 3.0
    pulled = fit_overall([ratings(alone, 1.0)]).weights
    assert pulled[0] == max(pulled) and min(pulled) > 0
    assert fit_overall([ratings(alone, 1.0)], pull=1e-6).weights[0] > 0.9


def test_a_part_that_people_rate_down_gets_no_negative_weight() -> None:
    against = np.ones(COUNT)
    against[3] = -2.0
    assert fit_overall([ratings(against, 1.0)], pull=1e-6).weights[3] == pytest.approx(0.0, abs=1e-6)


def test_a_large_set_weighs_no_more_than_a_small_one() -> None:
    first, second = np.zeros(COUNT), np.zeros(COUNT)
    first[0], second[1] = 3.0, 3.0
    large, small = ratings(first, 1.0, 2000, 1), ratings(second, 1.0, 200, 2, "other")
    weights = fit_overall([large, small]).weights
    assert weights[0] == pytest.approx(weights[1], rel=0.15)


def test_ratings_are_expected_on_peoples_own_scale() -> None:
    data = ratings(np.ones(COUNT), 2.0)
    fit = fit_overall([data])
    expected = fit.of(data.parts)
    assert expected.mean() == pytest.approx(data.ratings.mean(), abs=0.01)
    assert np.polyfit(expected, data.ratings, 1)[0] == pytest.approx(1.0, abs=0.1)


def test_no_part_decides_alone() -> None:
    fit = fit_overall([ratings(np.ones(COUNT), 1.0)])
    wild = np.zeros((1, COUNT))
    wild[0, 2] = 1e6
    assert fit.of(wild)[0] <= fit.level + fit.slope * fit.weights[2] * (LIMIT + 0.5)


def test_a_fit_survives_its_json() -> None:
    data = ratings(np.ones(COUNT), 1.0)
    fit = fit_overall([data])
    assert OverallFit.from_json(fit.to_json()).of(data.parts) == pytest.approx(fit.of(data.parts))


def test_weights_of_other_parts_are_refused() -> None:
    values = fit_overall([ratings(np.ones(COUNT), 1.0)]).to_json()
    values["parts"].pop(next(iter(PARTS)))
    with pytest.raises(ValueError, match="weights of"):
        OverallFit.from_json(values)


def test_too_few_ratings_or_equal_ones_cannot_be_fitted() -> None:
    few = ratings(np.ones(COUNT), 1.0, 10)
    same = ratings(np.zeros(COUNT), 0.0)
    with pytest.raises(ValueError, match="vary"):
        fit_overall([few, same])
