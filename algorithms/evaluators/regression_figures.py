"""How well predictions fit labels: R2, Spearman, mean absolute error, and what reply length alone would reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from algorithms.readers.sentiment import compound

_LEAST_VARIATION = 1e-12
"""The least sum of squared differences from the mean of values that differ."""


def varies(values: np.ndarray) -> bool:
    """Whether the values of an array of shape (N,) differ, so that R2 and correlations are defined."""
    return values.size > 1 and float(((values - values.mean()) ** 2).sum()) >= _LEAST_VARIATION


def r_squared(labels: np.ndarray, predictions: np.ndarray) -> float:
    """``1 - sum (y - p)^2 / sum (y - mean y)^2`` of two arrays of shape (N,); 0 where the labels do not vary."""
    if not varies(labels):
        return 0.0
    return 1.0 - float(((labels - predictions) ** 2).sum()) / float(((labels - labels.mean()) ** 2).sum())


def pearson(first: np.ndarray, second: np.ndarray) -> float | None:
    """Correlation of two arrays of shape (N,); None for fewer than two values or where either does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first.astype(np.float64), second.astype(np.float64))[0, 1])


def spearman(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Rank correlation of two arrays of shape (N,), ties averaged; 0 where either does not vary."""
    return pearson(rankdata(labels), rankdata(predictions)) or 0.0


def r_squared_if_defined(labels: np.ndarray, predictions: np.ndarray) -> float | None:
    """``r_squared``; None where the labels do not vary."""
    return r_squared(labels, predictions) if varies(labels) else None


def spearman_if_defined(labels: np.ndarray, predictions: np.ndarray) -> float | None:
    """``spearman``; None where either does not vary."""
    return spearman(labels, predictions) if varies(labels) and varies(predictions) else None


def mean_absolute_error(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Mean of ``|y - p|``; 0 for empty arrays."""
    return float(np.abs(labels - predictions).mean()) if labels.size else 0.0


def length_predictions(labels: np.ndarray, replies: Sequence[str]) -> np.ndarray:
    """The labels' least-squares fit on 1, n and log(1 + n), n the words of a reply.

    Fitted on the very labels that it is held against, so that it is the most that length alone can reach in this form.
    """
    return _fitted(labels, _lengths(replies))


def linear_predictions(labels: np.ndarray, replies: Sequence[str]) -> np.ndarray:
    """The same fit on length and VADER's sentiment, its square and its absolute value."""
    sentiment = np.array([compound(reply) for reply in replies], dtype=np.float64)
    return _fitted(labels, np.column_stack([_lengths(replies), sentiment, sentiment**2, np.abs(sentiment)]))


def _lengths(replies: Sequence[str]) -> np.ndarray:
    words = np.array([len(reply.split()) for reply in replies], dtype=np.float64)
    return np.stack([np.ones_like(words), words, np.log1p(words)], axis=1)


def _fitted(labels: np.ndarray, features: np.ndarray) -> np.ndarray:
    weights, *_ = np.linalg.lstsq(features, labels, rcond=None)
    return features @ weights
