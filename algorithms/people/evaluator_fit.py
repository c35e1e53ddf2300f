"""Fit the evaluator of people: ridge regression of standardised ratings on features, within each set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import Ridge

from algorithms.people.rated_records import RatedRecords, by_record
from algorithms.people.reply_features import COUNTS, ReplyFeatures
from envs.ratings.parts import fold_of

PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Penalties of the ridge regression, of which cross-validation takes one."""
FOLDS = 5
_COUNT = 0.3
"""Length of a standardised count beside 1 for a vector."""
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Design:
    """The features of one set's N records, of M exchanges in all.

    Attributes:
        records: the records.
        features: (N, F); of a dialogue the means over the recommender's turns.
        turns: (M, F), of every exchange.
        folds: (N,) the fold of each record, by its dialogue or post.
    """

    records: RatedRecords
    features: np.ndarray
    turns: np.ndarray
    folds: np.ndarray


@dataclass(frozen=True)
class LinearFit:
    """A prediction of standardised ratings, linear in the features.

    Attributes:
        weights: (F,).
        penalty: that cross-validation took.
        level: mean prediction of the exchanges that it was fitted to, each set weighing the same.
        spread: their deviation.
        cross_predicted: for each set its records' ratings (N,), predicted without their fold.
    """

    weights: np.ndarray
    penalty: float
    level: float
    spread: float
    cross_predicted: tuple[np.ndarray, ...]


def design_of(records: RatedRecords, reader: ReplyFeatures, seed: int) -> Design:
    """Read a set's records; ``seed`` is of the folds."""
    turns = reader.of([exchange for own in records.exchanges for exchange in own])
    folds = np.array([fold_of(group, records.name, seed, FOLDS) for group in records.groups])
    features = np.stack([own.mean(0) for own in by_record(turns, records.exchanges)])
    return Design(records, features, turns, folds)


def fit_linear(designs: Sequence[Design]) -> LinearFit:
    """Fit one head to some sets.

    Each set weighs as the square root of its records. Features and targets are centred within the set, so that how sets
    differ from each other teaches nothing. The penalty has the least squared error on dialogues or posts that are left
    out, in ``FOLDS`` folds.

    Args:
        designs: at least one.
    """
    turns = np.concatenate([each.turns for each in designs])
    scale = np.ones(turns.shape[1])
    deviations = turns[:, -len(COUNTS) :].std(0)
    scale[-len(COUNTS) :] = np.where(deviations > _LEAST_DEVIATION, _COUNT / np.maximum(deviations, 1e-12), 0.0)
    predicted = {penalty: _cross_predicted(designs, scale, penalty) for penalty in PENALTIES}
    penalty = min(PENALTIES, key=lambda each: _error(designs, predicted[each]))
    weights = _weights(designs, scale, penalty, [np.ones(len(each.folds), dtype=bool) for each in designs])
    means = [each.turns @ weights for each in designs]
    level = float(np.mean([values.mean() for values in means]))
    spread = float(np.sqrt(np.mean([((values - level) ** 2).mean() for values in means])))
    return LinearFit(weights, penalty, level, max(spread, _LEAST_DEVIATION), tuple(predicted[penalty]))


def _cross_predicted(designs: Sequence[Design], scale: np.ndarray, penalty: float) -> list[np.ndarray]:
    """For each set its records' ratings (N,), predicted by a fit to the other folds; 0, their mean, without any."""
    predicted = [np.zeros(len(each.folds)) for each in designs]
    for fold in range(FOLDS):
        kept = [each.folds != fold for each in designs]
        if not all(rows.any() for rows in kept):
            continue
        weights = _weights(designs, scale, penalty, kept)
        for each, values, rows in zip(designs, predicted, kept, strict=True):
            centre, level = each.features[rows].mean(0), each.records.target[rows].mean()
            values[~rows] = level + (each.features[~rows] - centre) @ weights
    return predicted


def _error(designs: Sequence[Design], predicted: Sequence[np.ndarray]) -> float:
    """Mean squared error, each set weighing as in the fit."""
    errors = [((each.records.target - values) ** 2).mean() for each, values in zip(designs, predicted, strict=True)]
    return float(np.average(errors, weights=[len(each.folds) ** 0.5 for each in designs]))


def _weights(designs: Sequence[Design], scale: np.ndarray, penalty: float, rows: Sequence[np.ndarray]) -> np.ndarray:
    """The weights (F,) of unscaled features, fitted to these rows of each set."""
    inputs, targets, importance = [], [], []
    for each, kept in zip(designs, rows, strict=True):
        features, target = each.features[kept] * scale, each.records.target[kept]
        inputs.append(features - features.mean(0))
        targets.append(target - target.mean())
        importance.append(np.full(len(target), 1.0 / np.sqrt(max(1, len(target)))))
    weight = np.concatenate(importance)
    model = Ridge(penalty, fit_intercept=False)
    model.fit(np.concatenate(inputs), np.concatenate(targets), sample_weight=weight * len(weight) / weight.sum())
    return np.asarray(model.coef_, dtype=np.float64) * scale
