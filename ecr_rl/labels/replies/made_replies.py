"""Replies of known kinds, made from human replies, so that a critic also sees replies that are not careful.

Each maker takes a human reply with its evidence and returns a text and the films that it names. Each example keeps its
kind, so a table by kind shows whether cold ranks below warm, or a wrong film below a right one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.judging.read_text import FilmFacts, wishes
from ecr_rl.labels.replies.phrases import HELD_OUT, TRAINING, Phrases
from envs.catalog import Catalog

Reply = tuple[str, tuple[int, ...]]
"""A text and the ids of the films it names."""


TEMPERATURES = (0.7, 1.0, 1.3)
"""The policy answers each case once at each temperature."""

Case = tuple[int, int]
"""(dialogue, turn): 0-based indices of a dialogue, and of a recommender turn among its utterances."""


class Kind(StrEnum):
    """How a reply came to be."""

    HUMAN = "human"
    POLICY = "policy"
    """Sampled from the supervised policy."""
    OTHER = "other"
    """The human reply of another dialogue."""
    GENERIC = "generic"
    REPETITIVE = "repetitive"
    TRUNCATED = "truncated"
    COLD = "cold"
    WRONG_FILM = "wrong_film"
    GUSHING = "gushing"


@dataclass(frozen=True, slots=True)
class PolicyReply:
    """One sampled reply.

    Attributes:
        dialogue, turn: the case that it answers.
        temperature: of the sampling.
        text: films as titles, as seeker and critic read it; may be empty.
        mentions: the same text with films as ``@id``.
        films: ids of the films that it names.
        cut: whether it stopped at its token limit, before its end.
    """

    dialogue: int
    turn: int
    temperature: float
    text: str
    mentions: str
    films: tuple[int, ...]
    cut: bool


MADE = tuple(kind for kind in Kind if kind not in (Kind.HUMAN, Kind.POLICY))
"""The kinds that are made from a human reply, in the order in which examples take turns."""

_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def _pick(listing: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    return [listing[i] for i in rng.permutation(len(listing))[:count]]  # pyright: ignore[reportReturnType]


class ReplyMaker:
    """Makes replies of each kind."""

    def __init__(
        self,
        catalog: Catalog,
        others: Sequence[Evidence],
        phrases: Phrases = TRAINING,
        wrong_films: Sequence[int] | None = None,
    ) -> None:
        """Make replies with these films, human replies and phrases.

        Args:
            catalog: facts of films.
            others: human replies for the kind ``other``, one of each case.
            phrases: the phrases of generic, cold and gushing replies.
            wrong_films: ids of films for wrong suggestions, drawn in proportion to their mentions; by default all but
                those that ``reserved_films`` keeps for evaluation.
        """
        self._catalog, self._facts, self._others, self._phrases = catalog, FilmFacts(catalog), others, phrases
        reserved = reserved_films(catalog) if wrong_films is None else frozenset()
        self._films = np.array(wrong_films or [film for film in catalog.ids if film not in reserved])
        self._allowed = frozenset(self._films.tolist())
        weights = np.array([catalog[film].mentions + 1.0 for film in self._films.tolist()])
        self._shares = weights / weights.sum()

    def make(self, kind: Kind, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """Make a reply of this kind to the source's context; None if the source does not suit the kind."""
        if kind is Kind.HUMAN:
            return source.exchange.reply, source.films
        if kind is Kind.WRONG_FILM:
            return self.wrong_film(source, rng)
        if kind is Kind.OTHER:
            return self.other(source, rng)
        if kind is Kind.GENERIC:
            return " ".join(_pick(self._phrases.generic, int(rng.integers(1, 4)), rng)), ()
        text = self._edited(kind, source.exchange.reply, self._names(source), rng)
        if text is None:
            return None
        return text, tuple(film for film in source.films if self._catalog.title(film) in text)

    def _edited(self, kind: Kind, reply: str, names: Sequence[str], rng: np.random.Generator) -> str | None:
        if kind is Kind.REPETITIVE:
            return repetitive(reply, rng)
        if kind is Kind.TRUNCATED:
            return truncated(reply, rng)
        if kind is Kind.COLD:
            return cold(reply, names, self._phrases, rng)
        return gushing(names, self._phrases, rng)

    def other(self, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """The human reply of another case; None if the drawn reply answers the same opening context."""
        other = self._others[int(rng.integers(len(self._others)))]
        if other.exchange.context[:1] == source.exchange.context[:1]:
            return None
        return other.exchange.reply, other.films

    def wrong_film(self, source: Evidence, rng: np.random.Generator) -> Reply | None:
        """The human reply with each new film replaced by an unsuitable one.

        Unsuitable is a film that the seeker dislikes, or one that shares no genre with the seeker's wishes and the
        replaced films (any other film if the catalogue knows no genres). None if the reply names no new film.
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
        disliked = sorted(source.profile.disliked & self._allowed - taken)
        if disliked and rng.random() < 0.5:
            return disliked[int(rng.integers(len(disliked)))]
        for film in rng.choice(self._films, size=20, p=self._shares):
            if int(film) not in taken and not self._facts.genres((int(film),)) & avoided:
                return int(film)
        return None

    def _names(self, source: Evidence) -> list[str]:
        return [self._catalog.title(film) for film in source.films]


def reserved_films(catalog: Catalog) -> frozenset[int]:
    """One film in eight, by a hash of the id: evaluation uses them as wrong films, and training replies never do."""
    return frozenset(film for film in catalog.ids if zlib.crc32(str(film).encode()) % 8 == 0)


def held_out_maker(catalog: Catalog, others: Sequence[Evidence]) -> ReplyMaker:
    """Makes replies with phrases and films that training never used; ``others`` as ``ReplyMaker`` takes them."""
    return ReplyMaker(catalog, others, phrases=HELD_OUT, wrong_films=sorted(reserved_films(catalog)))


def repetitive(reply: str, rng: np.random.Generator) -> str | None:
    """Repeat the reply, or one of its sentences, two or three times, or replace its second half by the first.

    None under four words.
    """
    words = reply.split()
    if len(words) < 4:
        return None
    if rng.random() < 0.3:
        half = words[: len(words) // 2]
        return " ".join([*half, *half])
    sentences = _SENTENCE.split(reply)
    if len(sentences) > 1 and rng.random() < 0.5:
        again = int(rng.integers(len(sentences)))
        return " ".join([*sentences, *[sentences[again]] * int(rng.integers(1, 3))])
    return " ".join([reply] * int(rng.integers(2, 4)))


def truncated(reply: str, rng: np.random.Generator) -> str | None:
    """Cut the reply after 30 to 95 % of its words; None under five words."""
    words = reply.split()
    if len(words) < 5:
        return None
    kept = min(len(words) - 1, max(2, int(len(words) * rng.uniform(0.3, 0.95))))
    return " ".join(words[:kept]).rstrip(".,;:!?")


def cold(reply: str, names: Sequence[str], phrases: Phrases, rng: np.random.Generator) -> str:
    """Dismissive sentences around the reply's films, or around its first half; a long reply gets more of them."""
    words = reply.split()
    if names:
        middle = " ".join(_pick(phrases.cold_film, 1, rng)[0].format(name) for name in names[:2])
    else:
        half = " ".join(words[: max(1, len(words) // 2)]).rstrip(".,;:!?") + "."
        middle = half if rng.random() < 0.5 else ""
    room = len(words) - len(middle.split())
    count = 1 + int(rng.integers(0, 2)) if rng.random() < 0.5 else max(1, round(room / 4))
    around = _pick(phrases.cold, min(count, 6), rng)
    return " ".join(part for part in (*around[:1], middle, *around[1:]) if part)


def gushing(names: Sequence[str], phrases: Phrases, rng: np.random.Generator) -> str:
    """Superlatives and exclamation marks; half of the time around one of the reply's films."""
    parts = _pick(phrases.gush, int(rng.integers(2, 5)), rng)
    if names and rng.random() < 0.5:
        parts.insert(int(rng.integers(len(parts))), _pick(phrases.gush_film, 1, rng)[0].format(names[0]))
    return " ".join(parts)
