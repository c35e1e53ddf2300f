"""Edits of a human reply that do not make it better, and what each does.

What an edit should do to a head stands in the head's definition (``envs.heads.Head.edits``), by the edit's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.readers.sentiment import compound
from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.judging.read_text import FilmFacts, wishes
from ecr_rl.labels.replies.made_replies import Kind, Reply, held_out_maker
from envs.catalog import Catalog
from envs.dialogue import Role

_FILLER = "You know, like, well, so yeah, I mean, anyway."
_FLATTERY = "What a wonderful, lovely choice!"
_SYMPATHY = "I am so sorry for your loss."
_LISTED = "Story, acting, characters, script, music, soundtrack, camera, scenery, costumes, director, studio, audience."
_POPULAR = 30
"""A film is popular if it is one of so many that dialogues name most."""


class FilmEditor:
    """Edits that change or add films."""

    def __init__(self, catalog: Catalog, cases: Sequence[Evidence]) -> None:
        """Edit with these films.

        Args:
            catalog: their facts.
            cases: human replies of the dialogues, one of each case.
        """
        self._catalog, self._facts = catalog, FilmFacts(catalog)
        self._maker = held_out_maker(catalog, cases)
        self._popular = sorted(catalog.ids, key=lambda film: (-catalog[film].mentions, film))[:_POPULAR]

    def other(self, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """The reply with its new films replaced by unsuitable ones; None if it names no new film."""
        return self._maker.make(Kind.WRONG_FILM, source, rng)

    def popular(self, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """The reply and a popular film without a genre of the seeker's wishes or of the reply's films.

        None if there is no such film, or if neither wishes nor genres are known.
        """
        avoided = wishes(source, self._facts)[0] | self._facts.genres(source.films)
        taken = {*source.films, *source.named, *source.profile.liked}
        unfit = [film for film in self._popular if film not in taken and not self._suits(film, avoided)]
        if not avoided or not unfit:
            return None
        film = unfit[int(rng.integers(len(unfit)))]
        return f"{source.exchange.reply} You should watch {self._catalog.title(film)}.", (*source.films, film)

    def _suits(self, film: int, avoided: frozenset[str]) -> bool:
        """Whether it shares a genre, or may, since its own are not known."""
        genres = self._facts.genres((film,))
        return not genres or bool(genres & avoided)


Change = Callable[[Evidence, FilmEditor, np.random.Generator], Reply | None]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a reply that makes it no better.

    Attributes:
        name: the key of what heads expect of it.
        does: what it does to a reply.
        change: the reply changed, and the films that it names then; None where the edit does not fit the reply.
    """

    name: str
    does: str
    change: Change


def _adding(words: str) -> Change:
    return lambda source, films, rng: (f"{source.exchange.reply} {words}", source.films)


def _great(source: Evidence, films: FilmEditor, rng: np.random.Generator) -> Reply:
    words = source.exchange.reply.split()
    index = int(rng.integers(len(words) + 1))
    return " ".join([*words[:index], "great", *words[index:]]), source.films


def _sympathy(source: Evidence, films: FilmEditor, rng: np.random.Generator) -> Reply | None:
    said = " ".join(turn.text for turn in source.exchange.context if turn.role is Role.SEEKER)
    if not said.strip() or compound(said) < 0:
        return None
    return f"{_SYMPATHY} {source.exchange.reply}", source.films


def _echoed(source: Evidence, films: FilmEditor, rng: np.random.Generator) -> Reply | None:
    last = source.exchange.context[-1:]
    if not last or last[0].role is not Role.SEEKER or not last[0].text.strip():
        return None
    return f"{last[0].text} {source.exchange.reply}", tuple(dict.fromkeys((*source.asked, *source.films)))


EDITS = (
    Edit("filler", f'adds "{_FILLER}"', _adding(_FILLER)),
    Edit(
        "repeated",
        "says the reply twice",
        lambda source, films, rng: (f"{source.exchange.reply} {source.exchange.reply}", source.films),
    ),
    Edit("great", 'puts the word "great" somewhere', _great),
    Edit(
        "other_film", "replaces its new films by unsuitable ones", lambda source, films, rng: films.other(source, rng)
    ),
    Edit(
        "upper_case",
        "writes it in capitals",
        lambda source, films, rng: (source.exchange.reply.upper(), source.films),
    ),
    Edit(
        "exclamations",
        "ends it with three exclamation marks",
        lambda source, films, rng: (f"{source.exchange.reply}!!!", source.films),
    ),
    Edit("flattery", f'adds "{_FLATTERY}", whatever was chosen', _adding(_FLATTERY)),
    Edit("sympathy", f'begins with "{_SYMPATHY}" where the seeker says nothing sad (VADER 0 or more)', _sympathy),
    Edit(
        "popular_film",
        "adds a popular film that shares no genre with wishes and reply",
        lambda source, films, rng: films.popular(source, rng),
    ),
    Edit("echoed", "begins with the seeker's last turn, word by word", _echoed),
    Edit("listed_words", f'adds "{_LISTED}"', _adding(_LISTED)),
)
"""All edits, in the order of the tables."""
