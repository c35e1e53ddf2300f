"""Combine the scores of a critic's members into one score and one spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls


@dataclass(frozen=True)
class Blend:
    """Weights of a critic's parts, and the line that turns their disagreement into a spread.

    Each network has two parts: its trained members, which all weigh the same, and its ridge. Parts are ordered by
    network. With weights w and member scores y, the score is ``m = sum w y``, the disagreement
    ``d = sum w (y - m)^2`` and the spread ``sqrt(floor + slope d)``: a predictive standard deviation of the label.

    Attributes:
        weights: (parts, heads), each column sums to 1.
        floor: (heads,) expected squared error at no disagreement; NaN where labels did not suffice to measure it.
        slope: (heads,) expected squared error for each unit of disagreement.
    """

    weights: np.ndarray
    floor: np.ndarray
    slope: np.ndarray

    @classmethod
    def even(cls, networks: int, heads: int) -> Blend:
        """The trained members alone, and their bare disagreement."""
        weights = np.zeros((2 * networks, heads))
        weights[::2] = 1.0 / networks
        return cls(weights, np.zeros(heads), np.ones(heads))

    @classmethod
    def fit(cls, scores: Sequence[np.ndarray], values: np.ndarray, known: np.ndarray) -> Blend:
        """Fit weights by non-negative least squares, and floor and slope likewise on the squared errors.

        Args:
            scores: for each network (N, members + 1, heads), the ridge last, on examples that no member was fitted on.
            values: the examples' labels (N, heads).
            known: (N, heads) bool; labels that are not known do not count. With fewer than two of a head its
                trained members weigh the same, and its spread is NaN.
        """
        heads = values.shape[1]
        blend = cls.even(len(scores), heads)
        parts = _parts(scores)
        for head in range(heads):
            rows = known[:, head]
            if rows.sum() < 2:
                continue
            middle = values[rows, head].mean()
            solution = nnls(parts[rows, :, head] - middle, values[rows, head] - middle)[0]
            if solution.sum() > 0:
                blend.weights[:, head] = solution / solution.sum()
        mean, disagreement = blend._moments(scores)
        for head in range(heads):
            rows = known[:, head]
            if rows.sum() < 2:
                blend.floor[head] = np.nan
                continue
            terms = np.stack([np.ones(rows.sum()), disagreement[rows, head]], axis=1)
            blend.floor[head], blend.slope[head] = nnls(terms, (values[rows, head] - mean[rows, head]) ** 2)[0]
        return blend

    def of(self, scores: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The score and spread of N exchanges, (N, heads) each, from each network's (N, members + 1, heads)."""
        mean, disagreement = self._moments(scores)
        return mean, np.sqrt(self.floor + self.slope * disagreement)

    def _moments(self, scores: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        parts = _parts(scores)
        mean = (parts * self.weights).sum(1)
        within = np.stack([part for score in scores for part in (score[:, :-1].var(1), np.zeros_like(mean))], axis=1)
        return mean, (self.weights * (within + (parts - mean[:, None]) ** 2)).sum(1)

    def to_json(self) -> dict[str, Any]:
        """The blend as JSON values; None stands for NaN."""
        floor = [None if np.isnan(value) else value for value in self.floor.tolist()]
        return {"weights": self.weights.tolist(), "floor": floor, "slope": self.slope.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Blend:
        """The blend of ``to_json``."""
        return cls(*(np.array(values[name], dtype=np.float64) for name in ("weights", "floor", "slope")))


def _parts(scores: Sequence[np.ndarray]) -> np.ndarray:
    """(N, parts, heads): for each network the mean of its trained members, then its ridge."""
    columns = [part for score in scores for part in (score[:, :-1].mean(1), score[:, -1])]
    return np.stack(columns, axis=1).astype(np.float64)
