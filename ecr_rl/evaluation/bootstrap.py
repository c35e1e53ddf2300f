"""Paired bootstrap over dialogues (Efron & Tibshirani 1993, percentile intervals), vectorised over resamples.

A resample is a row of counts: how often each dialogue was drawn. A figure is a function of such counts. Two systems are
evaluated on the same row, so they are compared on the same dialogues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

COVERAGE = 0.95
"""Share of the resamples inside an interval."""
_ROUNDING = 1e-9
"""A relative difference that rounding alone may make."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure on all dialogues and the percentile interval of its resamples."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside; a bound of exactly 0 includes it."""
        return self.low > 0 or self.high < 0


Metrics = dict[str, Interval | None]
"""Figures by name; None where one has no data."""


class Statistic(Protocol):
    """A figure of N dialogues, as a function of how often each dialogue is drawn."""

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have data, shape (N,), bool."""
        ...

    def restricted(self, keep_N: np.ndarray) -> Self:
        """The same figure without the dialogues where ``keep_N`` is False."""
        ...

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where none of the drawn dialogues has data."""
        ...


@dataclass(frozen=True)
class Ratio:
    """Sum over sum: means over dialogues (denominator 1 each), and means over turns, cases or tokens.

    Both arrays have shape (N,); a dialogue without data has 0 in both.
    """

    numerator: np.ndarray
    denominator: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have data, shape (N,), bool."""
        return self.denominator > 0

    def restricted(self, keep_N: np.ndarray) -> Ratio:
        """The same figure without the dialogues where ``keep_N`` is False."""
        return Ratio(np.where(keep_N, self.numerator, 0.0), np.where(keep_N, self.denominator, 0.0))

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where no drawn dialogue has data."""
        return divide(counts_BN @ self.numerator, counts_BN @ self.denominator)


@dataclass(frozen=True)
class Deviation:
    """The standard deviation of all values of N dialogues, each of which has several.

    It is computed anew for each resample, from sums by dialogue: a unit varies with the draw of the dialogues, and an
    interval that holds it fixed is too narrow.

    Attributes:
        count: shape (N,): values of each dialogue.
        total: shape (N,): their sum, from a common middle.
        squares: shape (N,): the sum of their squares, from the same middle.
        least: below this a deviation is rounding, and no unit.
    """

    count: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    least: float

    @classmethod
    def of(cls, values: Sequence[Sequence[float]]) -> Deviation:
        """Of the values by dialogue; a dialogue may have none."""
        every = [value for row in values for value in row]
        middle = sum(every) / len(every) if every else 0.0
        rows = [np.array(row, dtype=np.float64) - middle for row in values]
        return cls(
            count=np.array([len(row) for row in rows], dtype=np.float64),
            total=np.array([row.sum() for row in rows], dtype=np.float64),
            squares=np.array([(row**2).sum() for row in rows], dtype=np.float64),
            least=_ROUNDING * max(1.0, abs(middle)),
        )

    @property
    def defined(self) -> bool:
        """Whether the values of all dialogues differ."""
        return bool(np.isfinite(self.over(np.ones((1, len(self.count)))))[0])

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The deviations of B resamples, shape (B,); NaN where no two values differ."""
        count = counts_BN @ self.count
        square = divide(counts_BN @ self.squares, count)
        variance = square - divide(counts_BN @ self.total, count) ** 2
        varies = variance > np.maximum(self.least**2, _ROUNDING * square)
        return np.sqrt(np.where(varies, variance, np.nan))


@dataclass(frozen=True)
class InDeviations:
    """A figure in units of a standard deviation, both drawn with the same dialogues."""

    figure: Statistic
    unit: Deviation

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have data, shape (N,), bool; none where the unit is not defined."""
        return self.figure.present & self.unit.defined

    def restricted(self, keep_N: np.ndarray) -> InDeviations:
        """The figure without the dialogues where ``keep_N`` is False; the unit stays that of all."""
        return InDeviations(self.figure.restricted(keep_N), self.unit)

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where no drawn dialogue has data, or the unit is not defined."""
        return self.figure.over(counts_BN) / self.unit.over(counts_BN)


@dataclass(frozen=True)
class Distinct:
    """Number of distinct items over a sum, pooled over dialogues: distinct n-grams over all n-grams.

    Counting the distinct items of each resample would be wrong: a resample holds 63 % of the dialogues, some of them
    several times, so it always has fewer distinct items than the sample itself. In a simulation of 150 dialogues with a
    DIST-2 of .65, resamples gave .41 to .50 and no interval held the true value. Therefore each dialogue's jackknife
    influence on the figure is resampled (Efron & Tibshirani 1993, chapter 20). In the simulation 94 % of these
    intervals held the true value, and 96 % of those of paired differences.

    Attributes:
        items: distinct items of all dialogues.
        alone: shape (N,): items that occur in this dialogue only.
        denominator: shape (N,).
    """

    items: int
    alone: np.ndarray
    denominator: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """All dialogues if any has items, else none, shape (N,), bool; a dialogue without items adds none."""
        return np.full(self.denominator.shape, bool(self.denominator.sum() > 0))

    def restricted(self, keep_N: np.ndarray) -> Distinct:
        """The unchanged figure: a dialogue counts for this system even if the other one has no items in it."""
        return self

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,), linear in the counts; NaN without items."""
        total = self.denominator.sum()
        if total == 0:
            return np.full(counts_BN.shape[0], np.nan)
        figure = self.items / total
        without = divide(self.items - self.alone, total - self.denominator)
        without = np.where(np.isnan(without), figure, without)  # NaN without the only dialogue that has items
        influence = (without.size - 1) * (without.mean() - without)
        return figure + counts_BN @ influence / without.size


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve of K cases of two classes, pooled over N dialogues; tied scores count half.

    Attributes:
        scores: (K,).
        positive: (K,) bool: the class that should score higher.
        dialogues: (K,) index of each case's dialogue.
        size: N.
    """

    scores: np.ndarray
    positive: np.ndarray
    dialogues: np.ndarray
    size: int

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have a case, shape (N,), bool."""
        return np.bincount(self.dialogues, minlength=self.size) > 0

    def restricted(self, keep_N: np.ndarray) -> Auc:
        """The same figure without the dialogues where ``keep_N`` is False."""
        kept = keep_N[self.dialogues]
        return replace(self, scores=self.scores[kept], positive=self.positive[kept], dialogues=self.dialogues[kept])

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where one of the classes is missing."""
        if not len(self.scores):
            return np.full(len(counts_BN), np.nan)
        order = np.argsort(self.scores, kind="stable")
        steps = np.flatnonzero(np.diff(self.scores[order], prepend=-np.inf))  # where a new score begins
        weights = counts_BN[:, self.dialogues[order]]
        positive = np.add.reduceat(np.where(self.positive[order], weights, 0.0), steps, axis=1)
        negative = np.add.reduceat(np.where(self.positive[order], 0.0, weights), steps, axis=1)
        below = negative.cumsum(axis=1) - negative / 2
        return divide((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


@dataclass(frozen=True)
class Spearman:
    """Rank correlation of K cases, pooled over N dialogues; tied values share the mean of their ranks.

    Each resample is ranked anew: a case that is drawn twice stands there twice.

    Attributes:
        first: (K,).
        second: (K,).
        dialogues: (K,) index of each case's dialogue.
        size: N.
    """

    first: np.ndarray
    second: np.ndarray
    dialogues: np.ndarray
    size: int

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have a case, shape (N,), bool."""
        return np.bincount(self.dialogues, minlength=self.size) > 0

    def restricted(self, keep_N: np.ndarray) -> Spearman:
        """The same figure without the dialogues where ``keep_N`` is False."""
        kept = keep_N[self.dialogues]
        return replace(self, first=self.first[kept], second=self.second[kept], dialogues=self.dialogues[kept])

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where either side does not vary."""
        if not len(self.first):
            return np.full(len(counts_BN), np.nan)
        weights_BK = counts_BN[:, self.dialogues]
        first, second = (_centred_ranks(values, weights_BK) for values in (self.first, self.second))
        first_square, second_square = ((weights_BK * ranks**2).sum(axis=1) for ranks in (first, second))
        return divide((weights_BK * first * second).sum(axis=1), np.sqrt(first_square * second_square))


def _centred_ranks(values_K: np.ndarray, weights_BK: np.ndarray) -> np.ndarray:
    """Mean ranks of K values that stand ``weights_BK`` times in each of B resamples, less their mean; (B, K)."""
    distinct, tie_K = np.unique(values_K, return_inverse=True)
    order = np.argsort(tie_K, kind="stable")
    starts = np.searchsorted(tie_K[order], np.arange(len(distinct)))
    size_BT = np.add.reduceat(weights_BK[:, order], starts, axis=1)
    ranks_BT = size_BT.cumsum(axis=1) - (size_BT - 1) / 2
    return ranks_BT[:, tie_K] - (size_BT.sum(axis=1, keepdims=True) + 1) / 2


def draw(dialogues: int, resamples: int, seed: int) -> np.ndarray:
    """Counts of B resamples with replacement, shape (B, N), float64; each row sums to N."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(dialogues, np.full(dialogues, 1 / dialogues), size=resamples).astype(np.float64)


def interval(statistic: Statistic, counts_BN: np.ndarray) -> Interval | None:
    """The figure on all dialogues with its interval; None without data."""
    return percentiles(whole(statistic), statistic.over(counts_BN))


def paired(
    baseline: Statistic, rl: Statistic, counts_BN: np.ndarray
) -> tuple[Interval | None, Interval | None, Interval | None]:
    """Two systems and their difference (rl - baseline) on the same resamples.

    Where both have data, only dialogues with data for both count, so that the difference of the two means is the
    mean difference. A system without any data gives None for itself and for the difference.
    """
    both = baseline.present & rl.present
    if not both.any():
        return interval(baseline, counts_BN), interval(rl, counts_BN), None
    first, second = baseline.restricted(both), rl.restricted(both)
    first_B, second_B = first.over(counts_BN), second.over(counts_BN)
    first_mean, second_mean = whole(first), whole(second)
    return (
        percentiles(first_mean, first_B),
        percentiles(second_mean, second_B),
        percentiles(second_mean - first_mean, second_B - first_B),
    )


def whole(statistic: Statistic) -> float:
    """The figure on all dialogues, each counted once."""
    return float(statistic.over(np.ones((1, statistic.present.shape[0])))[0])


def percentiles(mean: float, values_B: np.ndarray) -> Interval | None:
    """A mean with the percentile interval of its finite resamples (B,); None without any."""
    finite = values_B[np.isfinite(values_B)]
    if not np.isfinite(mean) or finite.size == 0:
        return None
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient; NaN where the denominator is not positive."""
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan)
