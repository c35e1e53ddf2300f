"""How well predictions fit labels: R2, Spearman, mean absolute error, and what reply length alone would reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata


def r_squared(labels: np.ndarray, predictions: np.ndarray) -> float:
    """``1 - sum (y - p)^2 / sum (y - mean y)^2`` of two arrays of shape (N,); 0 where the labels do not vary."""
    total = float(((labels - labels.mean()) ** 2).sum()) if labels.size else 0.0
    return 0.0 if total < 1e-12 else 1.0 - float(((labels - predictions) ** 2).sum()) / total


def spearman(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Rank correlation of two arrays of shape (N,), ties averaged; 0 where either does not vary."""
    if labels.size < 2 or np.ptp(labels) == 0 or np.ptp(predictions) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(labels), rankdata(predictions))[0, 1])


def mean_absolute_error(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Mean of ``|y - p|``; 0 for empty arrays."""
    return float(np.abs(labels - predictions).mean()) if labels.size else 0.0


def length_predictions(labels: np.ndarray, replies: Sequence[str]) -> np.ndarray:
    """The labels' least-squares fit on 1, n and log(1 + n), n the words of a reply.

    Fitted on the very labels that it is held against, so that it is the most that length alone can reach in this form.
    """
    words = np.array([len(reply.split()) for reply in replies], dtype=np.float64)
    features = np.stack([np.ones_like(words), words, np.log1p(words)], axis=1)
    weights, *_ = np.linalg.lstsq(features, labels, rcond=None)
    return features @ weights
