"""The types that every package uses: messages, utterances, dialogues, films liked and disliked.

Text keeps ReDial's own form of a film mention, ``@`` followed by the film's id (``@111776``). The
catalogue turns it into a title where a reader or a model needs one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

MENTION = re.compile(r"@(\d+)")
"""A film mention in a text: ``@`` and the film's id."""
HIDDEN = "@_"
"""Replaces a masked film, which a recommender has to recover."""
LAST_ID = 2**63 - 1
"""The greatest film id: ids stand in arrays of 64 bits."""
_LONGEST_ID = len(str(LAST_ID))


class Role(StrEnum):
    """Who speaks."""

    SEEKER = "seeker"
    RECOMMENDER = "recommender"


class Answer(StrEnum):
    """An answer of ReDial's questionnaires about one film (codes 0, 1, 2 of the files)."""

    NO = "no"
    YES = "yes"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the file, before a speaker's consecutive messages are merged."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn: the consecutive messages of one speaker, joined by a space.

    ``first_message`` is the 0-based index of its first message in the dialogue's ``messages``.
    """

    role: Role
    text: str
    first_message: int = 0


@dataclass(frozen=True, slots=True)
class FilmMention:
    """A film named in a message: its id, the message's 0-based index, and who named it."""

    film_id: int
    message: int
    role: Role


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one side's questionnaire says of a film; None where the record has no answer."""

    suggested: bool | None = None
    seen: Answer | None = None
    liked: Answer | None = None


@dataclass(frozen=True, slots=True)
class SeekerProfile:
    """What the seeker of a dialogue wants; it never reaches the recommender.

    ``tastes`` and ``dislikes`` are genres in lower case; ``mood`` is one word or None.
    """

    liked: frozenset[int] = frozenset()
    disliked: frozenset[int] = frozenset()
    seen: frozenset[int] = frozenset()
    tastes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    mood: str | None = None


@dataclass(frozen=True)
class Dialogue:
    """One dialogue of a corpus.

    Attributes:
        conversation_id: the corpus's id, None where it is not known.
        index: 0-based position in its file.
        messages: in the file's order, mentions as ``@id``.
        titles: the films the record declares (``movieMentions``): id to title.
        seeker_form: the seeker's questionnaire, by film id; may be empty.
        recommender_form: the recommender's questionnaire, by film id; may be empty.
        provenance: ``raw``, ``reconstructed`` or ``sample``.
        tastes, dislikes, mood: of the seeker, in a generated corpus; empty for ReDial.
    """

    conversation_id: int | None
    index: int
    messages: tuple[Message, ...]
    titles: Mapping[int, str]
    seeker_form: Mapping[int, Feedback] = field(default_factory=dict)
    recommender_form: Mapping[int, Feedback] = field(default_factory=dict)
    provenance: str = "raw"
    tastes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    mood: str | None = None

    @cached_property
    def utterances(self) -> tuple[Utterance, ...]:
        """The turns: consecutive messages of one speaker merged."""
        return merged(self.messages)

    @cached_property
    def text_hash(self) -> str:
        """16 hex digits of the SHA-256 of who says what: it tells dialogues apart, whatever their ids."""
        said = [(message.role.value, message.text) for message in self.messages]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    @cached_property
    def mentions(self) -> tuple[FilmMention, ...]:
        """The films named, in order; a film counts when ``@id`` is in the text and among the declared films."""
        return tuple(
            FilmMention(film_id, index, message.role)
            for index, message in enumerate(self.messages)
            for film_id in mentioned_films(message.text)
            if film_id in self.titles
        )

    @cached_property
    def profile(self) -> SeekerProfile:
        """The seeker's profile by the seeker's form, or by the recommender's form if the seeker's is empty."""
        form = self.seeker_form or self.recommender_form
        return SeekerProfile(
            liked=frozenset(film for film, answer in form.items() if answer.liked is Answer.YES),
            disliked=frozenset(film for film, answer in form.items() if answer.liked is Answer.NO),
            seen=frozenset(film for film, answer in form.items() if answer.seen is Answer.YES),
            tastes=self.tastes,
            dislikes=self.dislikes,
            mood=self.mood,
        )


def merged(messages: Iterable[Message]) -> tuple[Utterance, ...]:
    """Merge consecutive messages of one speaker into turns."""
    turns: list[Utterance] = []
    for index, message in enumerate(messages):
        if turns and turns[-1].role is message.role:
            last = turns[-1]
            turns[-1] = Utterance(last.role, f"{last.text} {message.text}", last.first_message)
        else:
            turns.append(Utterance(message.role, message.text, index))
    return tuple(turns)


def named_films(turns: Iterable[Utterance]) -> set[int]:
    """The film ids that turns name as ``@id``."""
    return {film for turn in turns for film in mentioned_films(turn.text)}


def without_films(text: str) -> str:
    """Remove ``@id`` mentions and ``HIDDEN`` marks from a text."""
    return MENTION.sub(" ", text).replace(HIDDEN, " ").strip()


def mentioned_films(text: str) -> list[int]:
    """The film ids that a text names, in order, each once."""
    return list(dict.fromkeys(map(mentioned_film, MENTION.finditer(text))))


def mentioned_film(mention: re.Match[str]) -> int:
    """The film id of a match of ``MENTION``.

    Of more digits than an id can have, the first ones count: a number above ``LAST_ID``, which names no film.
    """
    digits = mention[1]
    return int(digits) if len(digits) <= _LONGEST_ID else int(digits.lstrip("0")[: _LONGEST_ID + 1] or "0")
