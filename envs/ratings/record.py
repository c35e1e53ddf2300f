"""The record of what people said of replies and of whole dialogues."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from envs.dialogue import Role, Utterance
from envs.heads import Exchange

Ratings = Mapping[str, tuple[float, ...]]
"""By the rating's name one number a rater, in the data's own scale; of one number it is not known who gave it."""

TEXT_GROUP = "text:"
"""Begins the group of a record whose file names no dialogue: a hash of the first post follows."""

CRS_QUE = (
    *("accuracy", "novelty", "interaction_adequacy", "explainability", "cui_adaptability", "cui_understanding"),
    *("cui_response_quality", "cui_attentiveness", "perceived_ease_of_use", "perceived_usefulness", "user_control"),
    *("transparency", "cui_humanness", "cui_rapport", "trust_confidence", "satisfaction", "intention_to_use"),
    "intention_to_purchase",
)
"""The 18 dimensions of CRS-Que."""


@dataclass(frozen=True, slots=True)
class RatedReply:
    """One reply, and what people said of it.

    Attributes:
        context: the turns before it, films as titles; consecutive messages of one speaker are one turn.
        response: the reply.
        ratings: what people said.
        group: the dialogue or post; what is divided and resampled as a whole.
        where: its file and line, ``file:line``.
    """

    context: tuple[Utterance, ...]
    response: str
    ratings: Ratings
    group: str
    where: str

    @property
    def exchange(self) -> Exchange:
        """What a reward model judges."""
        return Exchange(self.context, self.response)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The one exchange, as a dialogue has several."""
        return (self.exchange,)


@dataclass(frozen=True, slots=True)
class RatedDialogue:
    """A whole dialogue, and what people said of it.

    Attributes:
        turns: who says what, films as titles; consecutive messages of one speaker are one turn.
        ratings: what people said.
        group: the dialogue; what is divided and resampled as a whole.
        where: its file and line, ``file:line``.
    """

    turns: tuple[Utterance, ...]
    ratings: Ratings
    group: str
    where: str

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The recommender's turns, each with the turns before it; turns without text are left out."""
        return tuple(
            Exchange(self.turns[:index], turn.text)
            for index, turn in enumerate(self.turns)
            if turn.role is Role.RECOMMENDER and turn.text
        )


@dataclass(frozen=True, slots=True)
class RatingSet:
    """What people said, of one origin.

    Attributes:
        name: of the origin: ``ab-redial``, ``ab-redial-dialogues``, ``crs-que``, ``ccpe``, ``epitome``, or the stem of
            the file's name.
        replies: rated replies, in the files' order.
        dialogues: rated dialogues, in the files' order.
        skipped: rated dialogues left out, since they name a conversation of which no turns are at hand.
    """

    name: str
    replies: tuple[RatedReply, ...] = field(repr=False)
    dialogues: tuple[RatedDialogue, ...] = field(repr=False)
    skipped: int = 0

    @property
    def records(self) -> tuple[RatedReply | RatedDialogue, ...]:
        """The replies, then the dialogues."""
        return (*self.replies, *self.dialogues)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, each once, in the records' order."""
        return tuple(dict.fromkeys(record.group for record in self.records))

    @property
    def rating_names(self) -> tuple[str, ...]:
        """The names of the ratings, each once, in the records' order."""
        return tuple(dict.fromkeys(name for record in self.records for name in record.ratings))


def text_group(turns: Sequence[Utterance], response: str = "") -> str:
    """The group of a record whose file names no dialogue: by its first post, whatever its case and spaces.

    Args:
        turns: the context or the dialogue.
        response: taken if there are no turns.
    """
    first = " ".join((turns[0].text if turns else response).casefold().split())
    return TEXT_GROUP + hashlib.sha256(first.encode()).hexdigest()[:16]
