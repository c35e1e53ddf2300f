"""Texts as the rubric reads them, and the facts about films that it checks them against."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from algorithms.readers.film_affinity import FilmAffinity
from algorithms.readers.seeker_words import seeker_words
from algorithms.readers.sentiment import compound
from ecr_rl.labels.judging import lexicon
from ecr_rl.labels.judging.judge_protocol import Evidence
from envs.catalog import Catalog
from envs.dialogue import Role
from envs.film_text.genres import GENRES, genre_name, said_genres

_LEXICON_WORDS = frozenset(GENRES) | lexicon.STOP_WORDS


@dataclass(frozen=True)
class ReadText:
    """A text in lower case without film titles, with its measurements (computed on demand)."""

    text: str
    with_titles: str
    """The same text in lower case with its titles, which count for repetition."""

    @cached_property
    def words(self) -> list[str]:
        """The words in order, titles left out."""
        return lexicon.WORD.findall(self.text)

    @cached_property
    def ordered(self) -> list[str]:
        """The words in order, titles included."""
        return lexicon.WORD.findall(self.with_titles)

    @cached_property
    def content(self) -> frozenset[str]:
        """Distinct content words: four letters or more, no stop word, neither courtesy nor superlative."""
        return frozenset(
            word
            for word in self.words
            if len(word) > 3
            and word not in lexicon.STOP_WORDS
            and not lexicon.WARMTH.fullmatch(word)
            and not lexicon.GUSH.fullmatch(word)
        )

    @cached_property
    def sentiment(self) -> float:
        """VADER's compound in [-1, 1]."""
        return compound(self.text) if self.words else 0.0

    def count(self, pattern: re.Pattern[str]) -> int:
        """How many different phrases of a lexicon pattern occur in the text."""
        return len(set(pattern.findall(self.text)))


class FilmFacts:
    """The catalogue's facts of films, prepared for comparison with words."""

    def __init__(self, catalog: Catalog, affinity: FilmAffinity | None = None) -> None:
        """Prepare the facts of these films; ``affinity`` says which films go together (by default nothing is known)."""
        self._catalog, self._affinity = catalog, affinity or FilmAffinity({}, {})
        self._genres = {film.film_id: frozenset(map(genre_name, film.genres)) for film in catalog}
        self.read = lru_cache(maxsize=50_000)(self._read)

    def _read(self, text: str, films: tuple[int, ...]) -> ReadText:
        """Read a text that names these films as ``Title (Year)``."""
        bare = text
        for film in films:
            if film in self._catalog:
                bare = bare.replace(self._catalog.title(film), " ")
        return ReadText(bare.lower().replace("\u2019", "'"), text.lower().replace("\u2019", "'"))

    def genres(self, films: Iterable[int]) -> frozenset[str]:
        """All genres of the films; empty if the catalogue knows none."""
        return frozenset().union(*(self._genres.get(film, frozenset()) for film in films))

    def years(self, films: Iterable[int]) -> set[int]:
        """The years of release of the films."""
        return {year for film in films if film in self._catalog and (year := self._catalog[film].year) is not None}

    def plot_words(self, films: Iterable[int]) -> frozenset[str]:
        """Content words of the films' plots."""
        return frozenset().union(*(self._plot(film) for film in films))

    def people(self, film: int) -> frozenset[str]:
        """Lower-case names of the film's people; empty if the catalogue knows none."""
        if film not in self._catalog:
            return frozenset()
        return frozenset(name.lower() for name in self._catalog[film].people if name.strip())

    def affinity(self, films: Sequence[int], evidence: Evidence) -> list[float]:
        """How well each film goes with the films and the seeker's words of the context, by ``FilmAffinity.of``."""
        turns = (turn.text for turn in evidence.exchange.context if turn.role is Role.SEEKER)
        words = set().union(*(seeker_words(self.read(text, evidence.told).text) for text in turns))
        return self._affinity.of(self._names(evidence.named), words, self._names(films))

    def _names(self, films: Iterable[int]) -> list[str]:
        return [self._catalog.title(film) for film in films if film in self._catalog]

    def people_named(self, films: Iterable[int], reading: ReadText) -> int:
        """How many people of the films the text names, by full name or by a surname of four letters or more."""
        words = set(reading.words)
        text = reading.text
        people = {name.lower() for film in films if film in self._catalog for name in self._catalog[film].people}
        surnames = ((name, name.split()[-1]) for name in people if name.strip())
        return sum(1 for name, last in surnames if name in text or (len(last) > 3 and last in words))

    @lru_cache(maxsize=10_000)  # noqa: B019 (one instance a judge, bounded)
    def _plot(self, film: int) -> frozenset[str]:
        plot = self._catalog[film].plot.lower() if film in self._catalog else ""
        return frozenset(word for word in lexicon.WORD.findall(plot) if len(word) > 4 and word not in _LEXICON_WORDS)


def wishes(evidence: Evidence, facts: FilmFacts) -> tuple[frozenset[str], frozenset[str]]:
    """The genres that the seeker wants and does not want.

    They are those said in the seeker's turns (a genre after a negation in the same clause is not wanted) or known as
    tastes and dislikes. If no wish is known, the genres of the films that the seeker named are wanted.
    """
    wanted = set(map(genre_name, evidence.profile.tastes))
    unwanted = set(map(genre_name, evidence.profile.dislikes))
    for turn in evidence.exchange.context:
        if turn.role is Role.SEEKER:
            said, refused = said_genres(facts.read(turn.text, evidence.told).text)
            wanted |= said
            unwanted |= refused
    wanted = wanted - unwanted or set(facts.genres(evidence.told)) - unwanted
    return frozenset(wanted), frozenset(unwanted)
