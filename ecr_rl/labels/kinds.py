"""Replies of known kinds, made from a human reply, so that a critic sees more than what careful people write.

Each maker takes the human's reply with its evidence and gives a text and the films it names. The kinds are kept with
the examples: a table by kind tells whether cold ranks below warm or a wrong film below a right one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from ecr_rl.labels.evidence import Evidence
from ecr_rl.labels.reading import FilmFacts, wishes
from envs.catalog import Catalog

Reply = tuple[str, tuple[int, ...]]
"""A text and the ids of the films it names."""


class Kind(StrEnum):
    """How a reply came to be."""

    HUMAN = "human"
    OTHER = "other"
    """The human reply of another dialogue."""
    GENERIC = "generic"
    REPETITIVE = "repetitive"
    TRUNCATED = "truncated"
    COLD = "cold"
    WRONG_FILM = "wrong_film"
    GUSHING = "gushing"


MADE = tuple(kind for kind in Kind if kind is not Kind.HUMAN)
"""The kinds that are made, in the order in which examples take turns."""

_GENERIC = (
    "There are many good movies.",
    "I like movies too.",
    "Okay.",
    "That is a movie.",
    "You could watch something.",
    "I see.",
    "Yes.",
    "Sure.",
    "Movies are fun.",
    "That one is popular.",
    "Some people like it.",
    "It depends.",
    "I am not sure.",
    "Maybe.",
    "Anything is fine.",
    "It is a movie you can watch.",
    "Have a look online.",
    "There are a lot of options.",
    "I think so.",
    "Alright.",
)
_COLD_BEFORE = (
    "Whatever.",
    "I don't care what you feel.",
    "Figure it out.",
    "Who cares.",
    "Not my problem.",
    "Stop asking.",
    "Just pick something.",
    "Hurry up.",
    "So what.",
    "Your problem, not mine.",
    "That is a silly question.",
    "You have bad taste.",
    "Next question.",
    "I already told you.",
    "Calm down.",
    "Nobody asked.",
)
_COLD_AFTER = (
    "Take it or leave it.",
    "Look it up.",
    "Suit yourself.",
    "Don't waste my time.",
    "End of story.",
    "Deal with it.",
    "Now decide.",
    "Do it yourself.",
    "Too bad if you hate it.",
    "Move on.",
    "That's all.",
    "I couldn't care less.",
)
_COLD_FILM = ("Watch {}.", "{}.", "Just watch {}.", "There is {}.", "Pick {}.", "{}, then.")
_GUSH = (
    "Wow!",
    "Amazing!",
    "OMG that is incredible!",
    "This is the best ever!",
    "Absolutely fantastic!",
    "So so awesome!",
    "Yay!",
    "Unbelievable!",
    "I am obsessed!",
    "Literally the best thing!",
    "Epic, just epic!",
    "Woohoo!",
    "Perfect, perfect, perfect!",
    "Out of this world!",
    "Simply phenomenal!",
    "Insanely brilliant!",
)
_GUSH_FILM = (
    "{} is amazing!",
    "{}!!! The best ever!",
    "OMG {}!",
    "{} is absolutely incredible!",
    "Wow, {}, so perfect!",
)
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def _pick(listing: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    return [listing[i] for i in rng.permutation(len(listing))[:count]]


class ReplyMaker:
    """Makes replies of each kind."""

    def __init__(self, catalog: Catalog, others: Sequence[Evidence]) -> None:
        """Make replies with these films and human replies.

        Args:
            catalog: the films to name wrongly, drawn in proportion to their mentions.
            others: human replies to borrow for ``other``, one of each case.
        """
        self._catalog, self._facts, self._others = catalog, FilmFacts(catalog), others
        weights = np.array([film.mentions + 1.0 for film in catalog])
        self._films, self._shares = np.array(catalog.ids), weights / weights.sum()

    def make(self, kind: Kind, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """A reply of this kind to the source's context; None where the source does not lend itself to it."""
        if kind is Kind.HUMAN:
            return source.exchange.reply, source.films
        if kind is Kind.WRONG_FILM:
            return self.wrong_film(source, rng)
        if kind is Kind.OTHER:
            return self.other(source, rng)
        if kind is Kind.GENERIC:
            return " ".join(_pick(_GENERIC, int(rng.integers(1, 4)), rng)), ()
        makers = {Kind.REPETITIVE: repetitive, Kind.TRUNCATED: truncated, Kind.COLD: cold, Kind.GUSHING: gushing}
        text = makers[kind](source.exchange.reply, self._names(source), rng)
        if text is None:
            return None
        return text, tuple(film for film in source.films if self._catalog.title(film) in text)

    def other(self, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """The human reply of another case; None where the draw is a reply to the same opening context."""
        other = self._others[int(rng.integers(len(self._others)))]
        if other.exchange.context[:1] == source.exchange.context[:1]:
            return None
        return other.exchange.reply, other.films

    def wrong_film(self, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """The human reply with each new film replaced by one that does not suit.

        A film that the seeker dislikes, or one that shares no genre with the seeker's wishes and the films replaced
        (any other film where the catalogue knows no genres). None where the reply brings in no film.
        """
        new = [film for film in source.films if film not in source.named]
        if not new:
            return None
        text, films = source.exchange.reply, dict.fromkeys(source.films)
        avoided = wishes(source, self._facts)[0] | self._facts.genres(new)
        for film in new:
            wrong = self._unsuitable(source, avoided, rng)
            if wrong is None:
                return None
            text = text.replace(self._catalog.title(film), self._catalog.title(wrong))
            films = dict.fromkeys(wrong if known == film else known for known in films)
        return text, tuple(films)

    def _unsuitable(self, source: Evidence, avoided: frozenset[str], rng: np.random.Generator) -> int | None:
        taken = {*source.films, *source.named, *source.profile.liked}
        disliked = sorted(source.profile.disliked - taken)
        if disliked and rng.random() < 0.5:
            return disliked[int(rng.integers(len(disliked)))]
        for film in rng.choice(self._films, size=20, p=self._shares):
            if int(film) not in taken and not self._facts.genres((int(film),)) & avoided:
                return int(film)
        return None

    def _names(self, source: Evidence) -> list[str]:
        return [self._catalog.title(film) for film in source.films]


def repetitive(reply: str, names: Sequence[str], rng: np.random.Generator) -> str | None:
    """The reply, or one of its sentences, said two or three times; None under three words."""
    if len(reply.split()) < 3:
        return None
    sentences = _SENTENCE.split(reply)
    if len(sentences) > 1 and rng.random() < 0.5:
        again = int(rng.integers(len(sentences)))
        return " ".join([*sentences, *[sentences[again]] * int(rng.integers(1, 3))])
    return " ".join([reply] * int(rng.integers(2, 4)))


def truncated(reply: str, names: Sequence[str], rng: np.random.Generator) -> str | None:
    """The reply cut after 30 to 75 % of its words; None under five words."""
    words = reply.split()
    if len(words) < 5:
        return None
    kept = max(2, int(len(words) * rng.uniform(0.3, 0.75)))
    return " ".join(words[:kept]).rstrip(".,;:!?")


def cold(reply: str, names: Sequence[str], rng: np.random.Generator) -> str:
    """Dismissive sentences around the reply's films or its first half."""
    if names:
        middle = " ".join(_COLD_FILM[int(rng.integers(len(_COLD_FILM)))].format(name) for name in names[:2])
    else:
        words = reply.split()
        middle = " ".join(words[: max(1, len(words) // 2)]).rstrip(".,;:!?") + "." if rng.random() < 0.5 else ""
    before, after = _pick(_COLD_BEFORE, 1, rng), _pick(_COLD_AFTER, int(rng.integers(0, 2)), rng)
    return " ".join(part for part in (*before, middle, *after) if part)


def gushing(reply: str, names: Sequence[str], rng: np.random.Generator) -> str:
    """Superlatives and exclamation marks, around one of the reply's films half of the time."""
    parts = _pick(_GUSH, int(rng.integers(2, 5)), rng)
    if names and rng.random() < 0.5:
        parts.insert(int(rng.integers(len(parts))), _GUSH_FILM[int(rng.integers(len(_GUSH_FILM)))].format(names[0]))
    return " ".join(parts)
