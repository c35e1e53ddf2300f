"""The protocol of film recommenders, which score the whole catalogue for a context, and the ranking of scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from envs.catalog import Catalog
from envs.dialogue import Utterance


class FilmScorer(Protocol):
    """Scores every film for a conversation so far."""

    @property
    def catalog(self) -> Catalog:
        """The films that are scored."""
        ...

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """How well each film suits what comes next in each context, higher is better.

        Args:
            contexts: N conversations so far; films as ``@id``.

        Returns:
            (N, films) float32, finite, columns by ascending id (``catalog.ids``). Films that a context names get a
            score like all others.
        """
        ...


@runtime_checkable
class LikingScorer(Protocol):
    """Says how likely the seeker is to like each film; that differs from which film comes next."""

    def liking(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """Log-odds that the seeker likes each film, comparable between contexts.

        Args:
            contexts: N conversations so far; films as ``@id``.

        Returns:
            (N, films) float32, finite, with the columns of ``FilmScorer.scores``.
        """
        ...


def ranked(
    scores: np.ndarray, ids: np.ndarray, count: int, without: Sequence[Collection[int]] | None = None
) -> list[list[int]]:
    """The best films of each row, best first; equal scores by ascending id.

    Args:
        scores: (N, films).
        ids: (films,) film ids, ascending.
        count: films of a ranking; fewer if the catalogue has no more.
        without: for each row, the films to leave out; none by default.
    """
    left_out = [()] * len(scores) if without is None else without
    return [ids[_best(row, _columns(films, ids), count)].tolist() for row, films in zip(scores, left_out, strict=True)]


def log_shares(scores: np.ndarray) -> np.ndarray:
    """Log-softmax of scores (N, films) over the films, float32; it makes scores of different contexts comparable."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _best(row: np.ndarray, left_out: np.ndarray, count: int) -> np.ndarray:
    """The columns of the best films of one row."""
    count = min(count, len(row) - len(left_out))
    if count <= 0:
        return np.zeros(0, dtype=np.int64)
    row = row.copy()
    row[left_out] = -np.inf
    bar = np.partition(row, len(row) - count)[len(row) - count]
    good = np.flatnonzero(row >= bar)
    return good[np.argsort(-row[good], kind="stable")][:count]


def _columns(films: Collection[int], ids: np.ndarray) -> np.ndarray:
    """The columns of those films that the catalogue has."""
    wanted = np.array(sorted(films), dtype=ids.dtype)
    columns = np.searchsorted(ids, wanted)
    known = columns < len(ids)
    known[known] = ids[columns[known]] == wanted[known]
    return columns[known]
