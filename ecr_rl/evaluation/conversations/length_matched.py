"""Gains of a system over another at equal reply length: by regression, and on dialogues of similar length.

A judge may like long replies. For N dialogues with gains y (rl - baseline) and length differences x (words a reply):

* ``Intercept``: a of ``y = a + b x`` by least squares, the gain at no difference of length;
* ``of_like_length``: the dialogues in which both systems' mean lengths are within 20 % of the longer one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecr_rl.evaluation.bootstrap import divide

LIKE = 0.2
"""Lengths are similar if they differ by at most this share of the longer one."""


@dataclass(frozen=True)
class Intercept:
    """The intercept of gains over length differences. Implements ``bootstrap.Statistic``.

    Attributes:
        gains: (N,).
        lengths: (N,) differences of length.
        present: (N,) bool, dialogues where both are known.
    """

    gains: np.ndarray
    lengths: np.ndarray
    present: np.ndarray

    def restricted(self, keep_N: np.ndarray) -> Intercept:
        """The same without the dialogues where ``keep_N`` is False."""
        return Intercept(self.gains, self.lengths, self.present & keep_N)

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The intercepts of B resamples, shape (B,); the mean gain if a resample's length differences are equal."""
        y, x, held = (np.where(self.present, each, 0.0) for each in (self.gains, self.lengths, 1.0))
        count, sum_x, sum_y = counts_BN @ held, counts_BN @ x, counts_BN @ y
        spread = count * (counts_BN @ (x * x)) - sum_x**2
        shared = count * (counts_BN @ (x * y)) - sum_x * sum_y
        varies = spread > 1e-12 * np.maximum(1.0, sum_x**2)
        slope = np.where(varies, shared / np.where(varies, spread, 1.0), 0.0)
        return divide(sum_y - slope * sum_x, count)


def of_like_length(baseline: np.ndarray, rl: np.ndarray) -> np.ndarray:
    """Which of N dialogues have mean lengths (N,) within ``LIKE`` of the longer one, (N,) bool; False for NaN."""
    return np.abs(rl - baseline) <= LIKE * np.maximum(baseline, rl)
