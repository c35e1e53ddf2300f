"""What a critic knows of films, by their names in texts: genres, people, and which films go together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from algorithms.readers.film_affinity import FilmAffinity
from envs.catalog import Catalog
from envs.film_text.genres import genre_name
from envs.film_text.title_finder import Title, TitleFinder

_NAME = re.compile(r"(.*\S)\s*\((\d{4})\)\s*$", re.DOTALL)
"""A film's title and year in its name."""


@dataclass(frozen=True, slots=True)
class FilmEntry:
    """A film's genres (lower case, under one name each) and people (lower case), and how often dialogues name it."""

    genres: frozenset[str]
    people: frozenset[str]
    mentions: int = 0


class FilmTable:
    """Finds films in a text as the catalogue does (``Catalog.find``), and gives them by name, ``Title (1999)``."""

    def __init__(self, films: Mapping[str, FilmEntry], affinity: FilmAffinity | None = None) -> None:
        """Keep these films by name, and how well films go together (unknown by default)."""
        self._films = dict(films)
        self._names = list(self._films)
        self._finder = TitleFinder(map(self._title, range(len(self._names))))
        self.affinity = affinity or FilmAffinity({}, {})
        self.find = lru_cache(maxsize=100_000)(self._find)

    @classmethod
    def of(cls, catalog: Catalog, affinity: FilmAffinity | None = None) -> FilmTable:
        """The films of a catalogue; of films with the same name the first is kept."""
        films: dict[str, FilmEntry] = {}
        for film in catalog:
            if film.name:
                entry = FilmEntry(
                    frozenset(map(genre_name, film.genres)),
                    frozenset(name.lower() for name in film.people if name),
                    film.mentions,
                )
                films.setdefault(film.name, entry)
        return cls(films, affinity)

    def __getitem__(self, name: str) -> FilmEntry:
        """What is known of a film that ``find`` returned."""
        return self._films[name]

    def _find(self, text: str) -> tuple[str, ...]:
        """Names of the known films in a text, in order, each once."""
        return tuple(dict.fromkeys(self._names[span.film_id] for span in self._finder.spans(text)))

    def without_titles(self, text: str) -> str:
        """The text with a space in place of each title that ``find`` sees; ``Scary Movie`` asks for no genre."""
        spans = self._finder.spans(text)
        bounds = [0, *(bound for span in spans for bound in (span.start, span.end)), len(text)]
        return " ".join(text[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True))

    def _title(self, number: int) -> Title:
        name = self._names[number]
        match = _NAME.fullmatch(name)
        title, year = (name, None) if match is None else (match[1], int(match[2]))
        return Title(number, title, year, self._films[name].mentions)

    def to_json(self) -> dict[str, Any]:
        """The table as JSON values; ``from_json`` reads them back."""
        films = {name: [sorted(film.genres), sorted(film.people), film.mentions] for name, film in self._films.items()}
        return {"films": films, "affinity": self.affinity.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FilmTable:
        """The table of ``to_json``."""
        films = {name: _entry(*film) for name, film in values["films"].items()}
        return cls(films, FilmAffinity.from_json(values["affinity"]))


def _entry(genres: Iterable[str], people: Iterable[str], mentions: int) -> FilmEntry:
    return FilmEntry(frozenset(genres), frozenset(people), mentions)
