"""Baselines for the film recommender: popularity, the films named last, and the nearest training dialogues."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from bm25s import BM25
from scipy.sparse import csr_matrix

from algorithms.recommender.sparse_rows import ones, stacked
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films

_TOKEN = re.compile(r"@\d+|[^\W_]+(?:'[^\W_]+)*")
_SATURATION, _LENGTH = 1.2, 0.75
"""BM25's k1 and b, at their usual values."""
NEAREST = 100
"""The number of nearest training dialogues that score films."""
_TIES = 1e-4
"""Weight of popularity, which breaks ties; far below the BM25 score of any single dialogue."""


class Popularity:
    """Scores films by how often recommenders name them in training, whatever the context."""

    def __init__(self, catalog: Catalog, shares: np.ndarray) -> None:
        """Keep the films' shares of all mentions, (films,)."""
        self.catalog, self.shares = catalog, shares

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], catalog: Catalog) -> Popularity:
        """Count the recommenders' mentions of each film, plus one half."""
        counts = Counter(
            mention.film_id for each in dialogues for mention in each.mentions if mention.role is Role.RECOMMENDER
        )
        smoothed = np.array([counts[film] + 0.5 for film in catalog.ids])
        return cls(catalog, smoothed / smoothed.sum())

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """The log-share of every film, (N, films) float32; the same for each context."""
        return np.tile(np.log(self.shares).astype(np.float32), (len(contexts), 1))


class LastFilms:
    """Ranks the films of the context first, the last named on top, then all others by popularity."""

    def __init__(self, popularity: Popularity) -> None:
        """Use this popularity for films that the context does not name."""
        self._popularity = popularity
        self._columns = {film: column for column, film in enumerate(popularity.catalog.ids)}

    @property
    def catalog(self) -> Catalog:
        """The films that are scored."""
        return self._popularity.catalog

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], catalog: Catalog) -> LastFilms:
        """Fit the popularity of the other films."""
        return cls(Popularity.fit(dialogues, catalog))

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """(N, films) float32: 1, 2, … for the films named, in the order of their last mention; log-shares below."""
        scores = self._popularity.scores(contexts)
        for row, context in zip(scores, contexts, strict=True):
            named = [film for turn in context for film in mentioned_films(turn.text) if film in self._columns]
            last = reversed(dict.fromkeys(reversed(named)))
            for rank, film in enumerate(last, start=1):
                row[self._columns[film]] = rank
        return scores


class NearestDialogues:
    """Scores films by the summed BM25 of the nearest training dialogues that name them.

    BM25 of a dialogue ``d`` for the distinct words and film ids ``t`` of a context, N dialogues, as Lucene takes it
    (Kamphuis et al., ECIR 2020):
    ``sum_t log(1 + (N - n_t + .5) / (n_t + .5)) x f_td / (f_td + k1 (1 - b + b |d| / mean |d|))``.
    """

    def __init__(self, popularity: Popularity, index: BM25, films: csr_matrix, nearest: int) -> None:
        """Search these dialogues; ``fit`` makes the index.

        Args:
            popularity: breaks ties.
            index: the dialogues' words and film ids.
            films: which films a dialogue names, (dialogues, films).
            nearest: number of dialogues that score films.
        """
        self._popularity, self._index, self._films, self._nearest = popularity, index, films, nearest

    @property
    def catalog(self) -> Catalog:
        """The films that are scored."""
        return self._popularity.catalog

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], catalog: Catalog, nearest: int = NEAREST) -> NearestDialogues:
        """Index the dialogues."""
        columns = {film: column for column, film in enumerate(catalog.ids)}
        named = [{columns[m.film_id] for m in each.mentions if m.film_id in columns} for each in dialogues]
        index = BM25(k1=_SATURATION, b=_LENGTH, method="lucene")
        index.index([_tokens(dialogue.utterances) for dialogue in dialogues], show_progress=False)
        return cls(
            Popularity.fit(dialogues, catalog), index, stacked([ones(each) for each in named], len(columns)), nearest
        )

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """(N, films) float32: summed BM25 of the nearest dialogues, and a little popularity that breaks ties."""
        near = np.zeros((len(contexts), self._films.get_shape()[0]), dtype=np.float32)
        for row, context in zip(near, contexts, strict=True):
            row[:] = self._index.get_scores_from_ids(self._index.get_tokens_ids(sorted(set(_tokens(context)))))
        if 0 < self._nearest < near.shape[1]:
            bar = np.partition(near, -self._nearest, axis=1)[:, -self._nearest, None]
            near[near < bar] = 0.0
        scores = csr_matrix(csr_matrix(near) @ self._films).toarray()
        return (scores + _TIES * self._popularity.shares).astype(np.float32)


def _tokens(turns: Iterable[Utterance]) -> list[str]:
    return [token for turn in turns for token in _TOKEN.findall(turn.text.lower())]
