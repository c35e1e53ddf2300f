"""A film recommender from its folder."""

from __future__ import annotations

from pathlib import Path

from algorithms.recommender.cooccurrence import CooccurrenceRecommender


def load_recommender(folder: Path) -> CooccurrenceRecommender:
    """The recommender of a folder that ``fit`` and ``save`` left.

    Raises:
        ModelError: the folder holds none.
    """
    return CooccurrenceRecommender.load(folder)
