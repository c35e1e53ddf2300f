"""How well a critic predicts labels, head by head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.evaluators.regression_figures import (
    length_predictions,
    linear_predictions,
    mean_absolute_error,
    pearson,
    r_squared_if_defined,
    spearman_if_defined,
    varies,
)

_BINS = 10
Bounds = tuple[float, float]
"""Lower and upper end of an interval."""


@dataclass(frozen=True)
class HeadData:
    """Labels, scores and spreads (N,) of one head, the N replies, and the place (N,) of each one's dialogue."""

    labels: np.ndarray
    scores: np.ndarray
    spread: np.ndarray
    replies: Sequence[str]
    dialogues: np.ndarray


@dataclass(frozen=True, slots=True)
class Calibration:
    """Do scores and spreads mean what they say? None without labels.

    Attributes:
        bins: mean score and mean label of ten bins of equal size.
        error: their mean absolute difference.
        within_1: share of labels within one spread (.683 for a normal error).
        within_2: within two spreads (.954).
        spread_spearman: rank correlation of spread and absolute error.
    """

    bins: list[Bounds]
    error: float | None
    within_1: float | None
    within_2: float | None
    spread_spearman: float | None


@dataclass(frozen=True, slots=True)
class HeadFit:
    """How well one head predicts its labels, beside three baselines.

    The baselines are least squares fitted on these very labels, the most that each can reach in its form. Figures that
    the labels do not define are None: all without a label, R2 and correlations where labels do not vary.

    Attributes:
        over: the replies that it is judged on, ``human`` or ``made``; ``no data`` where neither has a label, or the
            critic does not score the head.
        n: how many.
        r2: of the head's scores.
        pearson: correlation.
        spearman: rank correlation.
        mae: mean absolute error.
        r2_mean: of the labels' mean.
        r2_length: of reply length.
        r2_linear: of length with VADER's sentiment.
        interval: 95 % percentile intervals over dialogues of ``r2``, ``r2_length`` and their difference
            ``r2_above_length``; empty where they are not defined.
        r2_all: of the head's scores of human and made replies together.
        calibration: of scores and spreads.
    """

    over: str
    n: int
    r2: float | None
    pearson: float | None
    spearman: float | None
    mae: float | None
    r2_mean: float | None
    r2_length: float | None
    r2_linear: float | None
    interval: dict[str, Bounds]
    r2_all: float | None
    calibration: Calibration


NO_DATA = "no data"
"""Stands for the replies of a head that is judged on none."""
NO_FIGURES: Mapping[str, None] = dict.fromkeys(("r2", "r2_length", "spearman", "mae"))
"""What ``head_figures`` gives for a head without labels."""
NO_FIT = HeadFit(
    NO_DATA, 0, None, None, None, None, None, None, None, {}, None, Calibration([], None, None, None, None)
)
"""The fit of a head without labels."""


def head_figures(
    heads: Sequence[str], values: np.ndarray, known: np.ndarray, predictions: np.ndarray, replies: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """For each head: ``r2``, ``r2_length`` (what reply length alone reaches), ``spearman`` and ``mae``.

    A figure that the labels do not define is None.

    Args:
        heads: names of the columns.
        values: labels (N, heads).
        known: (N, heads) bool; masked labels are left out.
        predictions: (N, heads).
        replies: the N replies.
    """
    figures: dict[str, dict[str, float | None]] = {}
    for head, name in enumerate(heads):
        rows = np.flatnonzero(known[:, head])
        truth, predicted = values[rows, head].astype(np.float64), predictions[rows, head]
        length = length_predictions(truth, [replies[row] for row in rows.tolist()])
        figures[name] = {
            "r2": r_squared_if_defined(truth, predicted),
            "r2_length": r_squared_if_defined(truth, length),
            "spearman": spearman_if_defined(truth, predicted),
            "mae": _error(truth, predicted),
        }
    return figures


def head_fit(data: HeadData, over: str, everything: HeadData, counts_BN: np.ndarray) -> HeadFit:
    """How well one head predicts its labels.

    Args:
        data: the labels and scores that it is judged on.
        over: what replies these are.
        everything: those of human and made replies together, for ``r2_all``.
        counts_BN: how often each of N dialogues stands in each of B resamples.
    """
    length = length_predictions(data.labels, data.replies)
    intervals: dict[str, Bounds] = {}
    if varies(data.labels):
        ours, theirs = _resampled_r2(data, data.scores, counts_BN), _resampled_r2(data, length, counts_BN)
        resampled = {"r2": ours, "r2_length": theirs, "r2_above_length": ours - theirs}
        intervals = {name: _bounds(values_B) for name, values_B in resampled.items()}
    return HeadFit(
        over=over if len(data.labels) else NO_DATA,
        n=len(data.labels),
        r2=r_squared_if_defined(data.labels, data.scores),
        pearson=pearson(data.labels, data.scores),
        spearman=spearman_if_defined(data.labels, data.scores),
        mae=_error(data.labels, data.scores),
        r2_mean=0.0 if varies(data.labels) else None,
        r2_length=r_squared_if_defined(data.labels, length),
        r2_linear=r_squared_if_defined(data.labels, linear_predictions(data.labels, data.replies)),
        interval=intervals,
        r2_all=r_squared_if_defined(everything.labels, everything.scores),
        calibration=calibration(data),
    )


def _error(labels: np.ndarray, predictions: np.ndarray) -> float | None:
    return mean_absolute_error(labels, predictions) if len(labels) else None


def _bounds(values_B: np.ndarray) -> Bounds:
    low, high = np.quantile(values_B, (0.025, 0.975))
    return float(low), float(high)


def _resampled_r2(data: HeadData, predictions: np.ndarray, counts_BN: np.ndarray) -> np.ndarray:
    """(B,) R2 on resamples of dialogues, from sums that each dialogue contributes."""
    dialogues = counts_BN.shape[1]

    def total(values: np.ndarray) -> np.ndarray:
        return counts_BN @ np.bincount(data.dialogues, weights=values, minlength=dialogues)

    count, labels, squares = total(np.ones(len(data.labels))), total(data.labels), total(data.labels**2)
    variation = squares - labels**2 / np.maximum(count, 1.0)
    return 1.0 - total((data.labels - predictions) ** 2) / np.maximum(variation, 1e-12)


def calibration(data: HeadData) -> Calibration:
    """Whether a head's scores and spreads mean what they say; spreads that are NaN have no figures."""
    if not len(data.labels):
        return Calibration([], None, None, None, None)
    error, measured = np.abs(data.labels - data.scores), not np.isnan(data.spread).any()
    parts = np.array_split(np.argsort(data.scores, kind="stable"), min(_BINS, len(data.labels)))
    bins = [(float(data.scores[part].mean()), float(data.labels[part].mean())) for part in parts]
    return Calibration(
        bins=bins,
        error=float(np.mean([abs(score - label) for score, label in bins])),
        within_1=float((error <= data.spread).mean()) if measured else None,
        within_2=float((error <= 2 * data.spread).mean()) if measured else None,
        spread_spearman=spearman_if_defined(error, data.spread) if measured else None,
    )
