"""Which films go together, and which seekers' words go with which films; learned from dialogues.

Films, words and the films' facts (genres and people, if the catalogue has them) get vectors by factorising their
positive pointwise mutual information over dialogues (Levy & Goldberg, NIPS 2014):
``M[x, j] = max(0, log P(x, j) / (P(x) P'(j)))`` with ``P'`` the films' shares to the power .75, and ``M`` approximately
``(U S^.5) (S^.5 V)``, rows scaled to length 1. A fact co-occurs with whatever its films co-occur with. A film that n
dialogues name keeps ``n / (n + 3)`` of its own vector; the rest is the mean of its facts' vectors, so the facts decide
the vector of a film that few dialogues or none name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.linalg import svds

from algorithms.readers.seeker_words import seeker_words, vocabulary
from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Role
from envs.film_text.genres import genre_name

UNKNOWN = 0.5
"""The affinity if nothing is known of the film or of the context."""
_WIDTH = 32
_WORDS = 0.15
"""Weight of the words relative to the films; words alone count if no film is named."""
_PRECISION = 1000
"""Vectors are stored as integers, in thousandths."""
_COMMON_FACT = 3
"""A fact counts if it holds for at least this many films of the dialogues."""
_PRIOR = 3.0
"""A film's facts weigh as much as this many dialogues that name it."""


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
        """Learn which films and words occur in the same dialogue; without a dialogue of two films, learn nothing."""
        named = [{catalog.title(m.film_id) for m in each.mentions if m.film_id in catalog} for each in dialogues]
        said = [_words_of(dialogue) for dialogue in dialogues]
        known = {film.name: _facts_of(film) for film in catalog}
        mentions = Counter(name for names in named for name in names)
        films, words = sorted(mentions), vocabulary(said)
        counts = Counter(fact for name in films for fact in known[name])
        facts = sorted(fact for fact, count in counts.items() if count >= _COMMON_FACT)
        parts = (named, films), (said, list(words)), ([known[name] for name in films], facts)
        factors = _factors(*(_incidence(texts, items) for texts, items in parts))
        if factors is None:
            return cls({}, {})
        own, spoken, told = np.split(factors, np.cumsum([len(films), len(words)]))
        vectors = _placed(dict(zip(films, own, strict=True)), mentions, dict(zip(facts, told, strict=True)), known)
        rarity = np.log(len(dialogues) / np.array(list(words.values()) or [1.0]))
        return cls(
            {name: [mentions[name], *_stored(vector)] for name, vector in vectors.items()},
            {word: _stored(row) for word, row in zip(words, rarity[:, None] * spoken, strict=False)},
        )

    def of(self, named: Iterable[str], words: Iterable[str], films: Sequence[str]) -> list[float]:
        """How well films go with a context: the share of all mentions whose films go less well with it.

        Args:
            named: names (``Title (1999)``) of the context's films.
            words: ``seeker_words`` of the seeker's turns.
            films: names of the films to rate.

        Returns:
            For each film a number in [0, 1]; ``UNKNOWN`` if nothing is known of the film or of the context.
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


def _facts_of(film: Film) -> set[str]:
    return {f"genre {genre_name(genre)}" for genre in film.genres} | {f"person {name.lower()}" for name in film.people}


def _incidence(texts: Sequence[Iterable[str]], items: Sequence[str]) -> csr_matrix:
    """Which items occur in which text: 1.0 in a sparse matrix (texts, items); anything else in a text is ignored."""
    columns = {item: column for column, item in enumerate(items)}
    entries = [(row, columns[item]) for row, text in enumerate(texts) for item in sorted(text) if item in columns]
    row, column = np.array(entries, dtype=np.int64).reshape(-1, 2).T
    return csr_matrix((np.ones(len(row)), (row, column)), shape=(len(texts), len(items)))


def _factors(films: csr_matrix, words: csr_matrix, facts: csr_matrix) -> np.ndarray | None:
    """Vectors of length 1 of films, words and facts, in this order, (items, width); None if nothing co-occurs.

    Args:
        films: which films occur in which dialogue, (dialogues, films).
        words: which words occur in which dialogue, (dialogues, words).
        facts: which facts hold for which film, (films, facts).
    """
    pairs = csr_matrix(films.T @ films)
    pairs.setdiag(0)
    together = csr_matrix(vstack([pairs, words.T @ films, facts.T @ pairs]))
    together.eliminate_zeros()
    (first, second), count = together.nonzero(), together.data
    rows, columns = together.get_shape()
    if not len(count):
        return None
    totals = np.bincount(first, count, rows)
    shares = np.bincount(second, count, columns) ** 0.75
    information = np.maximum(0.0, np.log(count / (totals[first] * (shares / shares.sum())[second])))
    matrix = csr_matrix((information, (first, second)), shape=(rows, columns))
    width = min(_WIDTH, min(rows, columns) - 1)
    if width < 1:
        return None
    left, sizes, right = svds(matrix, k=width, rng=0)  # rng also seeds its restarts
    items, targets = left * sizes**0.5, right.T * sizes**0.5  # pyright: ignore
    # A film is rated as a target and occurs in contexts as an item; one vector serves for both.
    items[: len(targets)] = _unit(items[: len(targets)]) + _unit(targets)
    return _unit(items)


def _placed(
    own: Mapping[str, np.ndarray],
    mentions: Mapping[str, int],
    told: Mapping[str, np.ndarray],
    known: Mapping[str, Iterable[str]],
) -> dict[str, np.ndarray]:
    """Vectors of length 1 of the films that some dialogue names or that have a known fact.

    Args:
        own: by film name, the vector of each film that a dialogue names.
        mentions: by film name, the number of dialogues that name it.
        told: by fact, its vector.
        known: by film name, the facts of each film of the catalogue.
    """
    vectors = {}
    for name in sorted(known):
        facts = [told[fact] for fact in sorted(known[name]) if fact in told]
        if facts:
            share = _PRIOR / (_PRIOR + mentions.get(name, 0))
            vectors[name] = _unit(share * _unit(np.sum(facts, axis=0)) + (1.0 - share) * own.get(name, 0.0))
        elif name in own:
            vectors[name] = own[name]
    return vectors


def _stored(vector: np.ndarray) -> list[int]:
    return np.rint(_PRECISION * vector).astype(int).tolist()


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(1e-9, np.linalg.norm(rows, axis=-1, keepdims=True))
