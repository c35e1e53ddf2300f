"""What a critic knows of films, by their names in texts: genres, people, and which films go together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from algorithms.readers.film_affinity import FilmAffinity
from envs.catalog import Catalog
from envs.film_text.genres import genre_name
from envs.film_text.title_finder import Title, TitleFinder

_YEAR = re.compile(r"\(\d{4}\)")
_LONGEST = 14
"""A film's name is searched in at most this many words before its year."""


@dataclass(frozen=True, slots=True)
class FilmEntry:
    """A film's genres (lower case, under one name each) and people (lower case)."""

    genres: frozenset[str]
    people: frozenset[str]


class FilmTable:
    """Finds films in a text by name, ``Title (1999)``; only a film without a year is found by its title alone."""

    def __init__(self, films: Mapping[str, FilmEntry], affinity: FilmAffinity | None = None) -> None:
        """Keep these films by name, and how well films go together (unknown by default)."""
        self._films = dict(films)
        self._names = {name.lower(): name for name in self._films}
        self._bare = [name for name in self._films if not _YEAR.search(name)]
        self._finder = TitleFinder(Title(number, name, None, 0) for number, name in enumerate(self._bare))
        self.affinity = affinity or FilmAffinity({}, {})
        self.find = lru_cache(maxsize=100_000)(self._find)

    @classmethod
    def of(cls, catalog: Catalog, affinity: FilmAffinity | None = None) -> FilmTable:
        """The films of a catalogue; of films with the same name the first is kept."""
        films: dict[str, FilmEntry] = {}
        for film in catalog:
            if film.name:
                entry = FilmEntry(
                    frozenset(map(genre_name, film.genres)), frozenset(name.lower() for name in film.people if name)
                )
                films.setdefault(film.name, entry)
        return cls(films, affinity)

    def __getitem__(self, name: str) -> FilmEntry:
        """What is known of a film that ``find`` returned."""
        return self._films[name]

    def _find(self, text: str) -> tuple[str, ...]:
        """Names of the known films in a text, in order, each once; case does not matter, and the longest name wins."""
        starts: dict[str, int] = {}
        rest = text
        for year in _YEAR.finditer(text):
            words = text[: year.end()].rsplit(" ", _LONGEST)
            for first in range(len(words)):
                written = " ".join(words[first:]).lstrip("\"'(")
                name = self._names.get(written.lower())
                if name is not None:
                    start = year.end() - len(written)
                    starts.setdefault(name, start)
                    rest = f"{rest[:start]}{' ' * len(written)}{rest[year.end() :]}"
                    break
        for span in self._finder.spans(rest):
            starts.setdefault(self._bare[span.film_id], span.start)
        return tuple(sorted(starts, key=lambda name: starts[name]))

    def to_json(self) -> dict[str, Any]:
        """The table as JSON values; ``from_json`` reads them back."""
        films = {name: [sorted(film.genres), sorted(film.people)] for name, film in self._films.items()}
        return {"films": films, "affinity": self.affinity.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FilmTable:
        """The table of ``to_json``."""
        films = {name: FilmEntry(*map(frozenset, film)) for name, film in values["films"].items()}
        return cls(films, FilmAffinity.from_json(values["affinity"]))
