"""The emotions of ECR (Zhang et al., RecSys 2024), and the protocol of a planner that picks those of a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from envs.dialogue import Utterance

NINE = ("like", "curious", "happy", "grateful", "negative", "neutral", "nostalgia", "agreement", "surprise")
"""ECR's nine emotions, in the order of every array."""
THRESHOLD, MOST = 0.1, 3
"""An emotion is named if it has at least this probability; at most this many are. Both are ECR's own numbers."""


class EmotionPlanner(Protocol):
    """Says which emotions the next reply should carry; it reads only the turns so far."""

    def plan(self, contexts: Sequence[Sequence[Utterance]]) -> list[tuple[str, ...]]:
        """Names of ``NINE`` for each context, the most probable first, ``MOST`` at most."""
        ...


def named_emotions(nine: np.ndarray) -> list[tuple[str, ...]]:
    """The emotions of N texts by name.

    Args:
        nine: probabilities, shape (N, 9), in the order of ``NINE``.

    Returns:
        For each text the emotions of at least ``THRESHOLD``, the most probable first, ``MOST`` at most; ties in the
        order of ``NINE``.
    """
    orders = np.argsort(-nine, axis=1, kind="stable")[:, :MOST]
    return [tuple(NINE[e] for e in order if row[e] >= THRESHOLD) for row, order in zip(nine, orders, strict=True)]


def emotion_cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How alike the emotions of N pairs of texts are: cosines, shape (N,); 0 where a text has none.

    Args:
        first: nine emotions of one text of each pair, shape (N, 9).
        second: of the other.
    """
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(1) / np.where(lengths > 0, lengths, 1.0)
