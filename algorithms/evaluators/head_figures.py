"""How well a critic predicts labels, head by head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from algorithms.evaluators.regression_figures import (
    length_predictions,
    linear_predictions,
    mean_absolute_error,
    pearson,
    r_squared,
    spearman,
)

_BINS = 10


@dataclass(frozen=True)
class HeadData:
    """Labels, scores and spreads (N,) of one head, the N replies, and the place (N,) of each one's dialogue."""

    labels: np.ndarray
    scores: np.ndarray
    spread: np.ndarray
    replies: Sequence[str]
    dialogues: np.ndarray


def head_figures(
    heads: Sequence[str], values: np.ndarray, known: np.ndarray, predictions: np.ndarray, replies: Sequence[str]
) -> dict[str, dict[str, float]]:
    """For each head: ``r2``, ``r2_length`` (what reply length alone reaches), ``spearman`` and ``mae``.

    Args:
        heads: names of the columns.
        values: labels (N, heads).
        known: (N, heads) bool; masked labels are left out.
        predictions: (N, heads).
        replies: the N replies.
    """
    figures = {}
    for head, name in enumerate(heads):
        rows = np.flatnonzero(known[:, head])
        truth, predicted = values[rows, head].astype(np.float64), predictions[rows, head]
        figures[name] = {
            "r2": r_squared(truth, predicted),
            "r2_length": r_squared(truth, length_predictions(truth, [replies[row] for row in rows.tolist()])),
            "spearman": spearman(truth, predicted),
            "mae": mean_absolute_error(truth, predicted),
        }
    return figures


def head_row(data: HeadData, counts_BN: np.ndarray | None = None) -> dict[str, Any]:
    """Figures of one head beside three baselines.

    ``r2_mean``, ``r2_length`` and ``r2_linear`` are R2 of the labels' mean, of reply length, and of length with
    VADER's sentiment: least squares fitted on these very labels, the most that each can reach in its form.

    Args:
        data: the head's labels and scores.
        counts_BN: how often each of N dialogues stands in each of B resamples; adds 95 % percentile intervals of
            ``r2``, ``r2_length`` and their difference over dialogues.
    """
    length = length_predictions(data.labels, data.replies)
    linear = linear_predictions(data.labels, data.replies)
    row: dict[str, Any] = {
        "n": len(data.labels),
        "r2": r_squared(data.labels, data.scores),
        "pearson": pearson(data.labels, data.scores),
        "spearman": spearman(data.labels, data.scores),
        "mae": mean_absolute_error(data.labels, data.scores),
        "r2_mean": 0.0,
        "r2_length": r_squared(data.labels, length),
        "r2_linear": r_squared(data.labels, linear),
    }
    if counts_BN is not None and len(data.labels):
        ours, theirs = _resampled_r2(data, data.scores, counts_BN), _resampled_r2(data, length, counts_BN)
        row["interval"] = {
            name: [float(bound) for bound in np.quantile(values, (0.025, 0.975))]
            for name, values in (("r2", ours), ("r2_length", theirs), ("r2_above_length", ours - theirs))
        }
    return row


def _resampled_r2(data: HeadData, predictions: np.ndarray, counts_BN: np.ndarray) -> np.ndarray:
    """(B,) R2 on resamples of dialogues, from sums that each dialogue contributes."""
    dialogues = counts_BN.shape[1]

    def total(values: np.ndarray) -> np.ndarray:
        return counts_BN @ np.bincount(data.dialogues, weights=values, minlength=dialogues)

    count, labels, squares = total(np.ones(len(data.labels))), total(data.labels), total(data.labels**2)
    variation = squares - labels**2 / np.maximum(count, 1.0)
    return 1.0 - total((data.labels - predictions) ** 2) / np.maximum(variation, 1e-12)


def calibration(data: HeadData) -> dict[str, Any]:
    """Do scores and spreads mean what they say?

    Returns:
        ``bins``: mean score and mean label of ten bins of equal size; ``error``: their mean absolute difference;
        ``within_1`` and ``within_2``: share of labels within one and two spreads (.683 and .954 for a normal error);
        ``spread_spearman``: rank correlation of spread and absolute error.
    """
    if not len(data.labels):
        return {"bins": [], "error": None, "within_1": None, "within_2": None, "spread_spearman": None}
    error = np.abs(data.labels - data.scores)
    parts = np.array_split(np.argsort(data.scores, kind="stable"), min(_BINS, len(data.labels)))
    bins = [[float(data.scores[part].mean()), float(data.labels[part].mean())] for part in parts]
    return {
        "bins": bins,
        "error": float(np.mean([abs(score - label) for score, label in bins])),
        "within_1": float((error <= data.spread).mean()),
        "within_2": float((error <= 2 * data.spread).mean()),
        "spread_spearman": spearman(error, data.spread),
    }
