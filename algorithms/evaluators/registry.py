"""Evaluators by name, and the protocol that each follows: judges of heads that no policy is paid by.

Importing this loads nothing that learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from envs.heads import Exchange
from envs.registry import Registry, require_members


class HeadScorer(Protocol):
    """Scores exchanges by heads.

    Attributes:
        heads: names of the H heads.
    """

    heads: tuple[str, ...]

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Score N exchanges: (N, H), in [0, 1]."""
        ...


class HeadEvaluator(HeadScorer, Protocol):
    """Predicts heads of exchanges, once fitted to labels; its folder holds safetensors and JSON."""

    @classmethod
    def fit(cls, exchanges: Sequence[Exchange], labels: np.ndarray, heads: Sequence[str]) -> Self:
        """Learn from the labels (N, H), in [0, 1], of N exchanges; the same input gives the same evaluator."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load the evaluator that ``save`` wrote; raise ``ModelError`` if the folder holds none."""
        ...

    def save(self, folder: Path) -> None:
        """Write the evaluator into a folder that exists."""
        ...


EVALUATORS: Registry[type[HeadEvaluator]] = Registry(
    "evaluator",
    {"words": "algorithms.evaluators.ridge:WordRidge", "characters": "algorithms.evaluators.ridge:CharacterRidge"},
)
"""What ``evaluation.reporting`` and ``ppo.selecting`` may name."""


def evaluator_of(name: str) -> type[HeadEvaluator]:
    """The class of the evaluator that a setting names.

    Raises:
        ConfigError: there is no such evaluator, or it lacks a method of ``HeadEvaluator``.
    """
    evaluator = EVALUATORS.get(name)
    require_members(EVALUATORS.kind, name, evaluator, HeadEvaluator)
    return evaluator
