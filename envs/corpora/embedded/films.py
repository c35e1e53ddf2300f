"""The films of the embedded corpus: facts of real films, and how a conversation chooses among them.

Titles, years, genres, directors and stars are facts; the one-line premises were written for this project.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate
from random import Random

import numpy as np

from envs.catalog import Film

FIRST_ID = 1001
"""The id of the first film of ``data/films.csv``; the others follow in the file's order."""

_POPULARITY = 1.9
"""A film is named this many times as often as a film one step less famous."""


@dataclass(frozen=True, slots=True)
class GenreForms:
    """How a sentence speaks of a genre: ``a comedy``, ``comedies``, ``comedy``."""

    kind: str
    plural: str
    word: str


GENRES = {
    "action": GenreForms("an action film", "action films", "action"),
    "adventure": GenreForms("an adventure", "adventure films", "adventure"),
    "animation": GenreForms("an animated film", "animated films", "animation"),
    "comedy": GenreForms("a comedy", "comedies", "comedy"),
    "crime": GenreForms("a crime film", "crime films", "crime"),
    "drama": GenreForms("a drama", "dramas", "drama"),
    "family": GenreForms("a family film", "family films", "family fun"),
    "fantasy": GenreForms("a fantasy film", "fantasy films", "fantasy"),
    "horror": GenreForms("a horror film", "horror films", "horror"),
    "musical": GenreForms("a musical", "musicals", "music"),
    "mystery": GenreForms("a mystery", "mysteries", "mystery"),
    "romance": GenreForms("a romance", "romances", "romance"),
    "sci-fi": GenreForms("a sci-fi film", "sci-fi films", "sci-fi"),
    "thriller": GenreForms("a thriller", "thrillers", "suspense"),
    "war": GenreForms("a war film", "war films", "war"),
    "western": GenreForms("a western", "westerns", "western flair"),
}
"""The genres of the embedded corpus, in lower case."""


@dataclass(frozen=True, slots=True)
class SampleFilm:
    """One row of the film table.

    Attributes:
        film_id: the id, as in ``@1001``.
        title: without the year.
        year: of release.
        genres: one to three keys of ``GENRES``.
        director: one name.
        stars: one or two names.
        hook: the premise as a noun phrase, without a full stop.
        fame: 1 (little known) to 5 (everybody knows it).
    """

    film_id: int
    title: str
    year: int
    genres: tuple[str, ...]
    director: str
    stars: tuple[str, ...]
    hook: str
    fame: int

    @property
    def decade(self) -> str:
        """The decade as a sentence names it: ``the 1990s``."""
        return f"the {self.year // 10 * 10}s"

    def film(self, mentions: int) -> Film:
        """The catalogue's entry, with how often the corpus names the film."""
        plot = f"{self.hook[0].upper()}{self.hook[1:]}."
        return Film(self.film_id, self.title, self.year, self.genres, (self.director, *self.stars), plot, mentions)


@lru_cache(maxsize=1)
def sample_films() -> tuple[SampleFilm, ...]:
    """The film table, by id."""
    table = (files("envs.corpora.embedded") / "data" / "films.csv").read_text(encoding="utf-8")
    return tuple(
        SampleFilm(
            film_id=film_id,
            title=row["title"],
            year=int(row["year"]),
            genres=tuple(row["genres"].split(";")),
            director=row["director"],
            stars=tuple(row["stars"].split(";")),
            hook=row["hook"],
            fame=int(row["fame"]),
        )
        for film_id, row in enumerate(csv.DictReader(table.splitlines()), start=FIRST_ID)
    )


class SampleFilmChooser:
    """Draws films as people name them: more often those that are famous or resemble the films already named."""

    def __init__(self, films: Sequence[SampleFilm]) -> None:
        """Prepare popularity (F,), genre membership (F, genres) and resemblance (F, F) of the films."""
        self._films = tuple(films)
        self._row = {film.film_id: row for row, film in enumerate(self._films)}
        taste = Random("popularity")  # gives each film a fixed weight, the same for every seed of a corpus
        self._popularity = np.array([_POPULARITY**film.fame * taste.lognormvariate(0, 0.6) for film in films])
        self._member = np.array([[genre in film.genres for genre in GENRES] for film in films])
        self._having = {genre: self._member[:, column] for column, genre in enumerate(GENRES)}
        self._nearness = np.exp(1.5 * self._resemblance())
        together = self._member.T.astype(float) @ self._member  # films that have both genres
        self._genres = tuple(GENRES)
        self._genre_weights: dict[str | None, list[float]] = {None: list(accumulate(together.diagonal().tolist()))}
        for genre, counts in zip(GENRES, together.tolist(), strict=True):
            self._genre_weights[genre] = list(accumulate(count + 0.5 for count in counts))

    def __getitem__(self, film_id: int) -> SampleFilm:
        """The film of an id."""
        return self._films[self._row[film_id]]

    def _resemblance(self) -> np.ndarray:
        """How alike two films are: shared genres, the same director, a near year; (F, F) in [0, 3]."""
        member = self._member.astype(float)
        shared = member @ member.T
        size = member.sum(axis=1)
        jaccard = shared / (size[:, None] + size[None, :] - shared)
        directors = np.array([film.director for film in self._films])
        years = np.array([film.year for film in self._films], dtype=float)
        apart = np.abs(years[:, None] - years[None, :])
        return 1.6 * jaccard + 0.7 * (directors[:, None] == directors[None, :]) + 0.7 * np.exp(-apart / 8)

    def choose(
        self,
        rng: Random,
        *,
        wanted: Collection[str] = (),
        avoided: Iterable[str] = (),
        anchors: Iterable[int] = (),
        used: Collection[int] = (),
    ) -> int | None:
        """Draw a film's id.

        Args:
            rng: where the draw comes from.
            wanted: genres of which the film has at least one; empty for any.
            avoided: genres of which the film has none.
            anchors: ids of films that it should resemble.
            used: ids that are not drawn.

        Returns:
            The id, or None when no film is left that fits.
        """
        weights = self._popularity.copy()
        for anchor in anchors:
            weights *= self._nearness[self._row[anchor]]
        if wanted:
            weights *= np.logical_or.reduce([self._having[genre] for genre in wanted])
        for genre in avoided:
            weights[self._having[genre]] = 0
        for film in used:
            weights[self._row[film]] = 0
        total = weights.cumsum()
        if total[-1] <= 0:
            return None
        row = int(total.searchsorted(rng.random() * total[-1], side="right"))
        return self._films[row].film_id

    def genre(self, rng: Random, beside: str | None = None, without: Collection[str] = ()) -> str:
        """Draw a genre in proportion to the films that have it; with ``beside``, to the films that have both genres."""
        while True:
            genre = rng.choices(self._genres, cum_weights=self._genre_weights[beside])[0]
            if genre not in without:
                return genre
