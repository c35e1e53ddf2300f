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
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from algorithms.seeker_words import seeker_words
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role

UNKNOWN = 0.5
"""The affinity of a film that no dialogue named, or to a context of which nothing is known."""
_WIDTH = 32
_WORDS = 0.15
"""Weight of the words beside the films; words alone count where no film is named."""
_RARE, _COMMON = 5, 0.25
"""A word counts from this many dialogues on, and up to this share of them."""
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
        mentions = Counter(name for names in named for name in sorted(names))
        counts = Counter(word for words in said for word in words)
        kept = sorted(word for word, count in counts.items() if _RARE <= count <= _COMMON * len(dialogues))
        films = sorted(mentions)
        factors = _factors(named, said, films, kept)
        if factors is None:
            return cls({}, {})
        vectors = np.rint(_PRECISION * factors).astype(int).tolist()
        rarity = [np.log(len(dialogues) / counts[word]) for word in kept]
        scaled = np.rint(_PRECISION * factors[len(films) :] * np.array(rarity)[:, None]).astype(int).tolist()
        return cls(
            {name: [mentions[name], *vectors[row]] for row, name in enumerate(films)},
            dict(zip(kept, scaled, strict=True)),
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


def _factors(
    named: Sequence[set[str]], said: Sequence[set[str]], films: Sequence[str], words: Sequence[str]
) -> np.ndarray | None:
    """Vectors of length 1 of the films, then the words, (films + words, width); None where nothing stands together."""
    rows = {name: row for row, name in enumerate(films)} | {f"\0{word}": i for i, word in enumerate(words, len(films))}
    places = [
        (index, rows[item])
        for index, (names, spoken) in enumerate(zip(named, said, strict=True))
        for item in (*names, *(f"\0{word}" for word in spoken))
        if item in rows
    ]
    dialogue, item = np.array(places, dtype=np.int64).reshape(-1, 2).T
    seen = csr_matrix((np.ones(len(item)), (dialogue, item)), shape=(len(named), len(rows)))
    together = (seen.T @ seen[:, : len(films)]).tocoo()
    apart = together.row != together.col
    first, second, count = together.row[apart], together.col[apart], together.data[apart]
    if not len(count):
        return None
    totals = np.bincount(first, count, len(rows))
    shares = np.bincount(second, count, len(films)) ** 0.75
    information = np.maximum(0.0, np.log(count / (totals[first] * (shares / shares.sum())[second])))
    matrix = csr_matrix((information, (first, second)), shape=(len(rows), len(films)))
    width = min(_WIDTH, min(matrix.shape) - 1)
    if width < 1:
        return None
    left, sizes, right = svds(matrix, k=width, v0=np.ones(min(matrix.shape)))
    items, targets = left * sizes**0.5, right.T * sizes**0.5
    # a film is asked about as a target and stands in contexts as an item: one vector serves as both
    items[: len(films)] = _unit(items[: len(films)]) + _unit(targets)
    return _unit(items)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(1e-9, np.linalg.norm(rows, axis=1, keepdims=True))
