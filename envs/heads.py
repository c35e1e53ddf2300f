"""The six heads, and the exchange that they judge; rewards, critics, labels and reports share these types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from envs.dialogue import Utterance

HEADS = ("empathy", "informativeness", "recommendation", "engagement", "overall", "bleu")
"""The critic's heads, in the order of every score array."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a reward model judges: the turns so far and the reply to them, both with films as titles."""

    context: tuple[Utterance, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class HeadScores:
    """Scores of N exchanges: ``mean`` and ``spread`` of shape (N, heads), in [0, 1]; one member has spread 0."""

    mean: np.ndarray
    spread: np.ndarray


class RewardModel(Protocol):
    """Judges exchanges; the trained critic is one."""

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Score N exchanges in one batch; row i belongs to exchange i."""
        ...
