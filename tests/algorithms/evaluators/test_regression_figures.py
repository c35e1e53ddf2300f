"""Statistics of predictions beside scipy's and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error as sklearn_mean_absolute_error
from sklearn.metrics import r2_score

from algorithms.evaluators.regression_figures import (
    length_predictions,
    mean_absolute_error,
    pearson,
    r_squared,
    spearman,
)

RNG = np.random.default_rng(0)
LABELS = RNG.random(200)
TIED = np.round(LABELS + RNG.normal(scale=0.3, size=200), 1)
"""Predictions with ties."""


def test_correlations_are_those_of_scipy() -> None:
    assert pearson(LABELS, TIED) == pytest.approx(stats.pearsonr(LABELS, TIED)[0])
    assert spearman(LABELS, TIED) == pytest.approx(stats.spearmanr(LABELS, TIED)[0])


def test_errors_are_those_of_scikit_learn() -> None:
    assert r_squared(LABELS, TIED) == pytest.approx(r2_score(LABELS, TIED))
    assert mean_absolute_error(LABELS, TIED) == pytest.approx(sklearn_mean_absolute_error(LABELS, TIED))


def test_length_alone_is_a_least_squares_fit() -> None:
    replies = ["word " * int(count) for count in RNG.integers(1, 40, 200)]
    words = np.array([len(reply.split()) for reply in replies])
    features = np.stack([words, np.log1p(words)], axis=1)
    fitted = LinearRegression().fit(features, LABELS).predict(features)
    assert length_predictions(LABELS, replies) == pytest.approx(fitted)


def test_what_does_not_vary_correlates_with_nothing() -> None:
    constant = np.full(200, 0.5)
    assert pearson(LABELS, constant) is None and pearson(LABELS[:1], TIED[:1]) is None
    assert spearman(LABELS, constant) == 0.0 == r_squared(constant, TIED)
