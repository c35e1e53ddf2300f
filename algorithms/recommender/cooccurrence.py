"""The film recommender behind the proposals: counts of films with films, and of the seeker's words with films.

For a context with named films ``i`` and seeker words ``w`` film ``j`` scores

    sum_i a_i P(j | i) / sum_i a_i + word_weight x mean_w P(j | w),   P(j | x) = (count(x, j) + s p_j) / (count(x) + s)

with ``p`` the films' popularity, ``s`` the smoothing and ``a_i`` = 1, or .3 where the seeker rejects film ``i``. A word
after a negation in its clause counts as a word of its own (``not horror``). Films that the seeker's questionnaire
dislikes are not counted: the recommender learns what suited. Films that the context names are scored, but not proposed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from algorithms.recommender.scorer import ranked
from algorithms.seeker_words import seeker_words, vocabulary
from algorithms.settings import RecommenderSettings
from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films
from envs.errors import ModelError
from envs.files import write_bytes, write_json

WEIGHTS, CARD = "recommender.safetensors", "recommender.json"
"""The files of a recommender's folder."""

REJECTED = 0.3
"""Weight of a film that the seeker rejects."""
_REJECTION = re.compile(
    r"\b(?:did ?n['o]t (?:like|care|enjoy|love)|do ?n['o]t (?:like|care)|not (?:like|enjoy|a fan|for me|my|what)"
    r"|not really|hate|hated|terrible|boring|awful|dislike|no thanks|prefer)\b"
)


class Counts:
    """Conditional shares P(film | key) of sparse counts, one row a key, in compressed rows."""

    def __init__(self, starts: np.ndarray, films: np.ndarray, counts: np.ndarray) -> None:
        """Row ``k`` holds ``counts[starts[k]:starts[k + 1]]`` at the film columns of the same places."""
        self.starts, self.films, self.counts = starts, films, counts

    @classmethod
    def of(cls, pairs: Counter[tuple[int, int]], rows: int) -> Counts:
        """The counts of (row, film) pairs."""
        ordered = sorted(pairs)
        keys = np.array(ordered, dtype=np.int64).reshape(-1, 2)
        starts = np.searchsorted(keys[:, 0], np.arange(rows + 1))
        return cls(starts, keys[:, 1].astype(np.int32), np.array([pairs[pair] for pair in ordered], dtype=np.float32))

    def add(self, scores: np.ndarray, row: int, weight: float, smoothing: float) -> float:
        """Add ``weight x`` the row's smoothed shares to ``scores`` (films,), without the popularity part.

        Returns:
            The weight that falls to popularity.
        """
        part = slice(self.starts[row], self.starts[row + 1])
        total = float(self.counts[part].sum()) + smoothing
        scores[self.films[part]] += self.counts[part] * (weight / total)
        return weight * smoothing / total


class CooccurrenceRecommender:
    """Scores and proposes films from counts alone: a ``FilmScorer`` and an ``envs.proposals.FilmRecommender``."""

    def __init__(
        self,
        catalog: Catalog,
        settings: RecommenderSettings,
        popularity: np.ndarray,
        words: Sequence[str],
        with_films: Counts,
        with_words: Counts,
    ) -> None:
        """Recommend from counts; ``fit`` and ``load`` make them.

        Args:
            catalog: the films; columns follow its ids.
            settings: word weight and smoothing.
            popularity: share (films,) of each film among what recommenders named.
            words: the known words, rows of ``with_words``.
            with_films: film by film, both named in one dialogue.
            with_words: word by film, the word said by the seeker before the recommender names the film.
        """
        self._catalog, self._settings, self._popularity = catalog, settings, popularity
        self._words = {word: row for row, word in enumerate(words)}
        self._with_films, self._with_words = with_films, with_words
        self._ids = np.array(catalog.ids, dtype=np.int64)
        self._columns = {film: column for column, film in enumerate(catalog.ids)}

    @classmethod
    def fit(
        cls, dialogues: Sequence[Dialogue], catalog: Catalog, settings: RecommenderSettings | None = None
    ) -> CooccurrenceRecommender:
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
        return cls(catalog, settings or RecommenderSettings(), named / named.sum(), known, with_films, with_words)

    @property
    def catalog(self) -> Catalog:
        """The films that are scored."""
        return self._catalog

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """The best ``count`` films for each context, best first, none of which the context names.

        Texts may hold ``@id`` or titles. Fewer films where the catalogue runs out.
        """
        read = [self._read(context) for context in contexts]
        scores = np.array([self._scores(films, words) for films, words in read])
        return ranked(scores, self._ids, count, [self._ids[list(films)].tolist() for films, _ in read])

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """The logarithm of the score of every film, (N, films) float32; see ``FilmScorer``."""
        scores = [self._scores(*self._read(context)) for context in contexts]
        return np.array(scores, dtype=np.float32).reshape(-1, len(self._ids))

    def _scores(self, films: Mapping[int, float], words: Collection[int]) -> np.ndarray:
        """The logarithm (films,) of the scores for columns of named films, with their weights, and rows of words."""
        smoothing, scores = self._settings.smoothing, np.zeros(len(self._ids))
        popular = 0.0 if films or words else 1.0
        total = sum(films.values())
        for film, weight in films.items():
            popular += self._with_films.add(scores, film, weight / total, smoothing)
        share = self._settings.word_weight / max(1, len(words))
        for word in sorted(words):
            popular += self._with_words.add(scores, word, share, smoothing)
        return np.log(scores + max(popular, 1e-9) * self._popularity)

    def save(self, folder: Path) -> None:
        """Write the counts as safetensors, words and films as JSON."""
        tensors = {"popularity": self._popularity}
        for name, counts in (("films", self._with_films), ("words", self._with_words)):
            parts = {"starts": counts.starts, "columns": counts.films, "counts": counts.counts}
            tensors |= {f"{name}.{part}": array for part, array in parts.items()}
        write_bytes(folder / WEIGHTS, save(tensors))
        films = [[film.film_id, film.title, film.year, film.mentions, film.genres] for film in self._catalog]
        card = {"settings": self._settings.model_dump(), "films": films, "words": list(self._words)}
        write_json(folder / CARD, card)

    @classmethod
    def load(cls, folder: Path) -> CooccurrenceRecommender:
        """The recommender of a folder.

        Raises:
            ModelError: the folder holds no recommender.
        """
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            tensors = load_file(folder / WEIGHTS)
            films, words = (
                Counts(tensors[f"{name}.starts"], tensors[f"{name}.columns"], tensors[f"{name}.counts"])
                for name in ("films", "words")
            )
            catalog = Catalog(
                Film(film, title, year, tuple(genres), mentions=mentions)
                for film, title, year, mentions, genres in card["films"]
            )
            settings = RecommenderSettings(**card["settings"])
            return cls(catalog, settings, tensors["popularity"], card["words"], films, words)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no recommender: {error}. Fit it again") from error

    def _read(self, context: Sequence[Utterance]) -> tuple[dict[int, float], set[int]]:
        """Columns of the films named, with their weights, and rows of the words that the seeker said."""
        films: dict[int, float] = {}
        words: set[int] = set()
        recent: list[int] = []
        for turn in context:
            found = [*mentioned_films(turn.text), *self._catalog.find(turn.text)]
            named = [self._columns[film] for film in found if film in self._columns]
            if turn.role is Role.SEEKER:
                text, _ = self._catalog.strip_titles(turn.text)
                words |= {self._words[word] for word in seeker_words(text) if word in self._words}
                rejected = bool(_REJECTION.search(text.lower()))
                films |= dict.fromkeys(named or recent, REJECTED if rejected else 1.0)
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
            found = [_counted(film, dialogue, columns) for film in mentioned_films(turn.text)]
            films = [column for column in found if column is not None]
            new = [film for film in films if film not in named]
            named.update(films)
            if turn.role is Role.SEEKER:
                words |= seeker_words(turn.text)
            elif new:
                yield set(words), new


def _counted(film: int, dialogue: Dialogue, columns: dict[int, int]) -> int | None:
    """The film's column; None where the seeker disliked it or the catalogue does not have it."""
    return None if film in dialogue.profile.disliked else columns.get(film)
