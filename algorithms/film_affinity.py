"""Which films go together, and which of a seeker's words with which films: learned from dialogues alone.

Films and words are factors of their positive pointwise mutual information over dialogues (Levy & Goldberg, NIPS 2014):
``M[x, j] = max(0, log P(x, j) / (P(x) P'(j)))`` with ``P'`` the films' shares to the power .75, and ``M`` about
``(U S^.5) (S^.5 V)``, rows brought to length 1. It needs no catalogue of genres and people, and stands beside one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from scipy.sparse.linalg import svds

from algorithms.seeker_words import seeker_words, vocabulary
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role

UNKNOWN = 0.5
"""The affinity of a film that no dialogue named, or to a context of which nothing is known."""
_WIDTH = 32
_WORDS = 0.15
"""Weight of the words beside the films; words alone count where no film is named."""
_PRECISION = 1000
"""Vectors are stored as whole thousandths."""


class FilmAffinity:
    """Tells how well a film goes with the films and words of a context."""

    def __init__(self, films: Mapping[str, Sequence[int]], words: Mapping[str, Sequence[int]]) -> None:
        """Keep vectors, in thousandths.

        Args:
            films: by name, how often dialogues name it, then its vector of length 1.
            words: by word, its vector; its length is the word's rarity.
        """
        self._films, self._words = dict(films), dict(words)
        self._film_rows = {name: row for row, name in enumerate(self._films)}
        self._word_rows = {word: row for row, word in enumerate(self._words)}
        table = np.array(list(self._films.values()) or [[0, 0]], dtype=np.float32)
        self._share, self._vectors = table[:, 0] / max(1.0, table[:, 0].sum()), table[:, 1:] / _PRECISION
        width = self._vectors.shape[1]
        self._word_vectors = np.array(list(self._words.values()), dtype=np.float32).reshape(-1, width) / _PRECISION

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], catalog: Catalog) -> FilmAffinity:
        """Learn from which films and words stand in one dialogue; nothing where no dialogue names two films."""
        named = [{catalog.title(m.film_id) for m in each.mentions if m.film_id in catalog} for each in dialogues]
        said = [_words_of(dialogue) for dialogue in dialogues]
        mentions = Counter(name for names in named for name in names)
        films, words = sorted(mentions), vocabulary(said)
        factors = _factors(_incidence(named, films), _incidence(said, list(words)))
        if factors is None:
            return cls({}, {})
        lengths = np.array([1.0] * len(films) + [np.log(len(dialogues) / count) for count in words.values()])
        rows = np.rint(_PRECISION * lengths[:, None] * factors).astype(int).tolist()
        return cls(
            {name: [mentions[name], *row] for name, row in zip(films, rows, strict=False)},
            dict(zip(words, rows[len(films) :], strict=True)),
        )

    def of(self, named: Iterable[str], words: Iterable[str], films: Sequence[str]) -> list[float]:
        """How well films go with a context: the share of all mentions whose film goes less well with it.

        Args:
            named: names (``Title (1999)``) of the context's films.
            words: ``seeker_words`` of the seeker's turns.
            films: names of the films asked about.

        Returns:
            For each film a number in [0, 1]; ``UNKNOWN`` where nothing is known of it or of the context.
        """
        asked = [self._film_rows.get(name) for name in films]
        if all(row is None for row in asked):
            return [UNKNOWN] * len(films)
        context = self._query(sorted(set(named)), sorted(set(words)))
        if context is None:
            return [UNKNOWN] * len(films)
        scores = self._vectors @ context
        return [UNKNOWN if row is None else self._share_below(scores, row) for row in asked]

    def _share_below(self, scores: np.ndarray, row: int) -> float:
        below, same = scores < scores[row], scores == scores[row]
        return float(self._share[below].sum() + 0.5 * self._share[same].sum())

    def _query(self, named: Sequence[str], words: Sequence[str]) -> np.ndarray | None:
        films = [self._film_rows[name] for name in named if name in self._film_rows]
        known = [self._word_rows[word] for word in words if word in self._word_rows]
        if not films and not known:
            return None
        query = np.zeros(self._vectors.shape[1], dtype=np.float32)
        if films:
            query += self._vectors[films].sum(0) / len(films) ** 0.5
        if known:
            vectors = self._word_vectors[known]
            query += _WORDS * len(known) ** 0.5 * vectors.sum(0) / max(1e-6, np.linalg.norm(vectors, axis=1).sum())
        return query

    def to_json(self) -> dict[str, Any]:
        """The vectors as JSON values."""
        return {"films": self._films, "words": self._words}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FilmAffinity:
        """The affinity of ``to_json``."""
        return cls(values["films"], values["words"])


def _words_of(dialogue: Dialogue) -> set[str]:
    turns = (turn.text for turn in dialogue.utterances if turn.role is Role.SEEKER)
    return set().union(*map(seeker_words, turns))


def _incidence(texts: Sequence[Iterable[str]], items: Sequence[str]) -> csr_matrix:
    """Which items stand in which text: 1.0 or nothing, (texts, items); what is no item is passed over."""
    columns = {item: column for column, item in enumerate(items)}
    places = [(row, columns[item]) for row, text in enumerate(texts) for item in sorted(text) if item in columns]
    row, column = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return csr_matrix((np.ones(len(row)), (row, column)), shape=(len(texts), len(items)))


def _factors(films: csr_matrix, words: csr_matrix) -> np.ndarray | None:
    """Vectors of length 1 of the films, then the words, (films + words, width); None where nothing stands together.

    Args:
        films: which films stand in which dialogue, (dialogues, films).
        words: which words do, (dialogues, words).
    """
    together = (hstack([films, words], format="csr").T @ films).tocoo()
    apart = together.row != together.col
    first, second, count = together.row[apart], together.col[apart], together.data[apart]
    if not len(count):
        return None
    totals = np.bincount(first, count, together.shape[0])
    shares = np.bincount(second, count, together.shape[1]) ** 0.75
    information = np.maximum(0.0, np.log(count / (totals[first] * (shares / shares.sum())[second])))
    matrix = csr_matrix((information, (first, second)), shape=together.shape)
    width = min(_WIDTH, min(matrix.shape) - 1)
    if width < 1:
        return None
    left, sizes, right = svds(matrix, k=width, rng=0)  # the seed of its restarts, too
    items, targets = left * sizes**0.5, right.T * sizes**0.5
    # a film is asked about as a target and stands in contexts as an item: one vector serves as both
    items[: len(targets)] = _unit(items[: len(targets)]) + _unit(targets)
    return _unit(items)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))
