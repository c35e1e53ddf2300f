"""A film recommender from its folder."""

from __future__ import annotations

from pathlib import Path

from algorithms.recommender.recommender import Recommender


def load_recommender(folder: Path) -> Recommender:
    """The recommender of a folder that ``training.fit_recommender`` and ``save`` left.

    Raises:
        ModelError: the folder holds none.
    """
    return Recommender.load(folder)
