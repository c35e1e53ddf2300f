"""Cohen's kappa of two judges who sort the same dialogues into kinds, with a bootstrap over dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecr_rl.evaluation.bootstrap import divide


@dataclass(frozen=True)
class Kappa:
    """``(o - e) / (1 - e)``: o the share of dialogues sorted alike, e what the two judges' own shares would give.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20(1), 1960.

    Attributes:
        first: (N, kinds), 1 where the first judge sorted the dialogue into the kind, else 0; a row of 0 is no answer.
        second: the other's.
    """

    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, first: Sequence[str | None], second: Sequence[str | None], kinds: Sequence[str]) -> Kappa:
        """Of what two judges said of N dialogues; where either gave no answer, the dialogue is left out."""
        both = np.array([one is not None and other is not None for one, other in zip(first, second, strict=True)])
        codes = [np.array([[said == kind for kind in kinds] for said in side], dtype=float) for side in (first, second)]
        return cls(*(code.reshape(-1, len(kinds)) * both[:, None] for code in codes))

    @property
    def present(self) -> np.ndarray:
        """Which dialogues both judges sorted, shape (N,), bool."""
        return np.asarray(self.first.any(axis=1) & self.second.any(axis=1))

    def restricted(self, keep_N: np.ndarray) -> Kappa:
        """The same figure without the dialogues where ``keep_N`` is False."""
        return Kappa(self.first * keep_N[:, None], self.second * keep_N[:, None])

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where both judges use one kind alone, or nothing is drawn."""
        n = counts_BN @ self.present.astype(float)
        alike = divide(counts_BN @ (self.first * self.second).sum(axis=1), n)
        shares = ((counts_BN @ self.first) * (counts_BN @ self.second)).sum(axis=1)
        chance = divide(shares, n**2)
        return divide(alike - chance, 1 - chance)
