"""A baseline for the film recommender: co-occurrence counts of films with films, and of seekers' words with films.

For a context with named films ``i`` and seeker words ``w`` film ``j`` scores

    sum_i a_i P(j | i) / sum_i a_i + .5 mean_w P(j | w),   P(j | x) = (count(x, j) + s p_j) / (count(x) + s)

with ``p`` the films' popularity, ``s`` = 5 and ``a_i`` = 1, or .3 if the seeker rejects film ``i``. A word after a
negation in its clause counts as a separate word (``not horror``). Films that the seeker's questionnaire dislikes are
not counted. Texts may hold ``@id`` or titles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from algorithms.readers.seeker_words import seeker_words, vocabulary
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films

_SMOOTHING, _WORD_WEIGHT = 5.0, 0.5
_REJECTED = 0.3
"""Weight of a film that the seeker rejects."""
_REJECTION = re.compile(
    r"\b(?:did ?n['o]t (?:like|care|enjoy|love)|do ?n['o]t (?:like|care)|not (?:like|enjoy|a fan|for me|my|what)"
    r"|not really|hate|hated|terrible|boring|awful|dislike|no thanks|prefer)\b"
)


class Counts:
    """Conditional shares P(film | key) of sparse counts; each key is one compressed row."""

    def __init__(self, starts: np.ndarray, films: np.ndarray, counts: np.ndarray) -> None:
        """Row ``k`` holds ``counts[starts[k]:starts[k + 1]]`` in the columns ``films[starts[k]:starts[k + 1]]``."""
        self.starts, self.films, self.counts = starts, films, counts

    @classmethod
    def of(cls, pairs: Counter[tuple[int, int]], rows: int) -> Counts:
        """The counts of (row, film) pairs."""
        ordered = sorted(pairs)
        keys = np.array(ordered, dtype=np.int64).reshape(-1, 2)
        starts = np.searchsorted(keys[:, 0], np.arange(rows + 1))
        return cls(starts, keys[:, 1].astype(np.int32), np.array([pairs[pair] for pair in ordered], dtype=np.float32))

    def add(self, scores: np.ndarray, row: int, weight: float) -> float:
        """Add ``weight x`` the row's smoothed shares to ``scores`` (films,), without the popularity part.

        Returns:
            The weight of popularity in the smoothed shares.
        """
        part = slice(self.starts[row], self.starts[row + 1])
        total = float(self.counts[part].sum()) + _SMOOTHING
        scores[self.films[part]] += self.counts[part] * (weight / total)
        return weight * _SMOOTHING / total


class Cooccurrence:
    """Scores films by counts alone. Implements ``FilmScorer``."""

    def __init__(
        self,
        catalog: Catalog,
        popularity: np.ndarray,
        words: Sequence[str],
        with_films: Counts,
        with_words: Counts,
    ) -> None:
        """Score by counts; ``fit`` makes them.

        Args:
            catalog: the films; columns follow its ids.
            popularity: (films,) share of each film in the recommenders' mentions.
            words: the row of each known word in ``with_words``.
            with_films: film by film, how often one dialogue names both.
            with_words: word by film, how often the seeker says the word before the recommender names the film.
        """
        self.catalog, self._popularity = catalog, popularity
        self._words = {word: row for row, word in enumerate(words)}
        self._with_films, self._with_words = with_films, with_words
        self._columns = {film: column for column, film in enumerate(catalog.ids)}

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], catalog: Catalog) -> Cooccurrence:
        """Count over the dialogues."""
        columns = {film: column for column, film in enumerate(catalog.ids)}
        together: Counter[tuple[int, int]] = Counter()
        cases = list(_cases(dialogues, columns))
        for dialogue in dialogues:
            films = {column for film in dialogue.titles if (column := _counted(film, dialogue, columns)) is not None}
            together.update((one, other) for one in films for other in films if one != other)
        known = list(vocabulary([words for words, _ in cases]))
        rows = {word: row for row, word in enumerate(known)}
        spoken = Counter(
            (rows[word], film) for words, films in cases for word in words if word in rows for film in films
        )
        named = np.full(len(columns), 0.5)
        for _, films in cases:
            named[films] += 1.0
        with_films, with_words = Counts.of(together, len(columns)), Counts.of(spoken, len(known))
        return cls(catalog, named / named.sum(), known, with_films, with_words)

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """The logarithm of the score of every film, (N, films) float32; see ``FilmScorer``."""
        scores = [self._scores(*self._read(context)) for context in contexts]
        return np.array(scores, dtype=np.float32).reshape(-1, len(self._columns))

    def _scores(self, films: Mapping[int, float], words: Collection[int]) -> np.ndarray:
        """The logarithm (films,) of the scores, from named films (columns with weights) and words (rows)."""
        scores = np.zeros(len(self._columns))
        popular = 0.0 if films or words else 1.0
        total = sum(films.values())
        for film, weight in films.items():
            popular += self._with_films.add(scores, film, weight / total)
        share = _WORD_WEIGHT / max(1, len(words))
        for word in sorted(words):
            popular += self._with_words.add(scores, word, share)
        return np.log(scores + max(popular, 1e-9) * self._popularity)

    def _read(self, context: Sequence[Utterance]) -> tuple[dict[int, float], set[int]]:
        """The columns of the named films with their weights, and the rows of the seeker's words."""
        films: dict[int, float] = {}
        words: set[int] = set()
        recent: list[int] = []
        for turn in context:
            films_said = [*mentioned_films(turn.text), *self.catalog.find(turn.text)]
            named = [self._columns[film] for film in films_said if film in self._columns]
            if turn.role is Role.SEEKER:
                text, _ = self.catalog.strip_titles(turn.text)
                words |= {self._words[word] for word in seeker_words(text) if word in self._words}
                rejected = bool(_REJECTION.search(text.lower()))
                films |= dict.fromkeys(named or recent, _REJECTED if rejected else 1.0)
            else:
                films |= dict.fromkeys(named, 1.0)
                recent = named
        return films, words


def _cases(dialogues: Sequence[Dialogue], columns: dict[int, int]) -> Iterator[tuple[set[str], list[int]]]:
    """The recommender's turns that name a film for the first time: the seeker's words so far, and those films."""
    for dialogue in dialogues:
        words: set[str] = set()
        named: set[int] = set()
        for turn in dialogue.utterances:
            films_said = [_counted(film, dialogue, columns) for film in mentioned_films(turn.text)]
            films = [column for column in films_said if column is not None]
            new = [film for film in films if film not in named]
            named.update(films)
            if turn.role is Role.SEEKER:
                words |= seeker_words(turn.text)
            elif new:
                yield set(words), new


def _counted(film: int, dialogue: Dialogue, columns: dict[int, int]) -> int | None:
    """The film's column; None where the seeker disliked it or the catalogue does not have it."""
    return None if film in dialogue.profile.disliked else columns.get(film)
