"""The films of a corpus: titles and metadata by id. It renders film mentions as titles and finds titles in text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from envs.dialogue import LAST_ID, MENTION, mentioned_film
from envs.errors import DataError
from envs.film_text.title_finder import Title, TitleFinder, TitleSpan

_NAME = re.compile(r"(?P<title>.*?)\s*[(\uff08](?P<year>\d{4})[)\uff09]", re.DOTALL)
_OWNER = re.compile(r"['\u2019]s\b")
_SPACES = re.compile(r"\s+")
_SPACE_BEFORE_STOP = re.compile(r"\s+([,.!?;:])")


@dataclass(frozen=True)
class Film:
    """One film.

    Attributes:
        film_id: the corpus's id, as in ``@111776``.
        title: the title without the year; empty for the one film of ReDial that has only a year.
        year: the year of release, None where the catalogue does not give it.
        genres: in lower case.
        people: the director first, then the cast.
        plot: one or two sentences, may be empty.
        mentions: how often the corpus names the film.
    """

    film_id: int
    title: str
    year: int | None = None
    genres: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    plot: str = ""
    mentions: int = 0

    @property
    def name(self) -> str:
        """The title with its year, ``Title (1999)``; the title alone where the year is not known."""
        return self.title if self.year is None else f"{self.title} ({self.year})".strip()


def split_name(name: str) -> tuple[str, int | None]:
    """A film's name as (title, year): ``"Title  (1999)"`` gives ``("Title", 1999)``; no year gives None."""
    name = _SPACES.sub(" ", name).strip()
    match = _NAME.fullmatch(name)
    return (name, None) if match is None else (match["title"], int(match["year"]))


class Catalog:
    """The films of a corpus, by id."""

    def __init__(self, films: Iterable[Film]) -> None:
        """Keep the films, sorted by id.

        Raises:
            DataError: two films share an id, or an id is negative or above ``LAST_ID``.
        """
        ordered = sorted(films, key=lambda film: film.film_id)
        if ordered and not 0 <= ordered[0].film_id <= ordered[-1].film_id <= LAST_ID:
            beyond = ordered[0].film_id if ordered[0].film_id < 0 else ordered[-1].film_id
            raise DataError(f"film {beyond}: an id is from 0 to {LAST_ID}", remedy="Number the films anew.")
        self._films = {film.film_id: film for film in ordered}
        if len(self._films) != len(ordered):
            twice = next(a.film_id for a, b in pairwise(ordered) if a.film_id == b.film_id)
            raise DataError(f"film {twice} stands in the catalogue twice", remedy="Give each film an id of its own.")

    def __len__(self) -> int:
        """The number of films."""
        return len(self._films)

    def __contains__(self, film_id: object) -> bool:
        """Whether the catalogue has this film id."""
        return film_id in self._films

    def __iter__(self) -> Iterator[Film]:
        """The films, by ascending id."""
        return iter(self._films.values())

    def __getitem__(self, film_id: int) -> Film:
        """The film of an id.

        Raises:
            DataError: the catalogue has no such film.
        """
        film = self._films.get(film_id)
        if film is None:
            raise DataError(
                f"film {film_id} is not in the catalogue of {len(self)} films",
                remedy="Use the catalogue of the corpus that the id comes from.",
            )
        return film

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """The film ids, ascending."""
        return tuple(self._films)

    def title(self, film_id: int) -> str:
        """The name ``Title (1999)`` of a film.

        Raises:
            DataError: the catalogue has no such film.
        """
        return self[film_id].name

    def describe(self, film_id: int) -> str:
        """The name and up to two genres: ``The Conjuring (2013), horror, mystery``.

        Raises:
            DataError: the catalogue has no such film.
        """
        film = self[film_id]
        return ", ".join((film.name, *film.genres[:2]))

    def render(self, text: str) -> str:
        """Replace every ``@id`` of the text by ``Title (1999)``; drop ids that the catalogue does not have."""
        pieces: list[str] = []
        end, dropped = 0, False
        for match in MENTION.finditer(text):
            film = self._films.get(mentioned_film(match))
            dropped = dropped or film is None
            before, after = text[end : match.start()], text[match.end() : match.end() + 1]
            glue = " " if before[-1:].isalnum() else ""  # a few messages glue the mention to a word
            pieces += [before, glue, "" if film is None else film.name, " " if after.isalnum() else ""]
            end = match.end()
        if not pieces:
            return text
        rendered = "".join([*pieces, text[end:]])
        return _tidy(rendered) if dropped else rendered

    def find(self, text: str) -> list[int]:
        """The films whose title occurs in free text, in order, each once.

        A title without its year counts only if it has at least two words or six letters. Where several films share a
        title, the year in brackets after it decides; without a year the most mentioned film is taken.
        """
        return list(dict.fromkeys(span.film_id for span in self._finder.spans(text)))

    def strip_titles(self, text: str) -> tuple[str, int]:
        """Remove the titles that ``find`` sees, with their years and ``'s``; return the text and how many they were."""
        spans = self._finder.spans(text)
        owned = [(span, _OWNER.match(text, span.end)) for span in spans]
        whole = [span if owner is None else replace(span, end=owner.end()) for span, owner in owned]
        return (_tidy(_replaced(text, whole, lambda span: "")), len(spans)) if spans else (text, 0)

    def link(self, text: str) -> str:
        """Replace the titles that ``find`` sees by ``@id``; the inverse of ``render``."""
        return _replaced(text, self._finder.spans(text), lambda span: f"@{span.film_id}")

    @cached_property
    def _finder(self) -> TitleFinder:
        return TitleFinder(Title(film.film_id, film.title, film.year, film.mentions) for film in self)


def _replaced(text: str, spans: Iterable[TitleSpan], replacement: Callable[[TitleSpan], str]) -> str:
    pieces: list[str] = []
    end = 0
    for span in spans:
        pieces += [text[end : span.start], replacement(span)]
        end = span.end
    return "".join([*pieces, text[end:]])


def _tidy(text: str) -> str:
    """Close the gaps that a removal left: single spaces, and none before a punctuation mark."""
    return _SPACE_BEFORE_STOP.sub(r"\1", _SPACES.sub(" ", text)).strip()
