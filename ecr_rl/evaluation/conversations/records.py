"""Records of evaluated conversations, one JSON line each; all figures are computed from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import TypedDict

from envs.dialogue import Role
from envs.errors import DataError
from envs.files import json_text, write_text
from envs.inputs.text import read_text
from envs.json_record import JsonRecord

_FIRST, _AGAIN = "Run the evaluation first: it writes the records", "Run the evaluation again"


class Line(TypedDict):
    """One turn of a history, films as titles."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """One recommender turn with its scores and reward.

    Attributes:
        reply: the reply as seeker and critic saw it, films as titles.
        answer: the seeker's next line, empty where none came.
        films: ids of the films that the reply names.
        heads: score of each critic head in [0, 1]; a head that gave no score is left out.
        parts: parts of the turn's reward, by name; their sum is the reward.
        held_out: the reporting evaluator's score of each head that it judges, in [0, 1]; a missing one is left out.
        rubric: the rubric's own score of each head but BLEU on the text, in [0, 1]; empty where there is no rubric.
        pmi: PMI of reply and context by a language model, in nats a token; None where it was not measured.
        tokens: tokens of the reply.
        cut: whether the reply reached its token limit before its end.
        stripped: pieces of markup or titles removed from the reply.
        accepted: whether the seeker accepted a film of this turn.
        kl: sum over the reply's tokens of log p_policy - log p_reference, in nats; None where it was not measured.
        found: the questionnaire's value of the reply's first film: 1 if liked + 0.5 if seen; 0 without a film; None
            where it was not looked up.
        people: the score of each head, in [0, 1], by the evaluator that learnt from people's ratings alone; empty where
            it did not judge.
    """

    reply: str
    answer: str
    films: list[int]
    heads: dict[str, float]
    parts: dict[str, float]
    held_out: dict[str, float]
    rubric: dict[str, float]
    pmi: float | None
    tokens: int
    cut: bool
    stripped: int
    accepted: bool
    kl: float | None
    found: float | None = None
    people: dict[str, float] = field(default_factory=dict)

    @property
    def reward(self) -> float:
        """The turn's reward: the sum of its parts."""
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class GoldRecord:
    """One reply to a human context and the human reply to it, films as titles in both.

    Attributes:
        reply: the system's.
        reference: the human's.
        emotion: cosine of their nine emotions.
    """

    reply: str
    reference: str
    emotion: float


@dataclass(frozen=True, slots=True)
class ConversationRecord(JsonRecord):
    """One conversation of a system on a held-out dialogue.

    Attributes:
        index: the dialogue's index in the held-out split.
        repeat: 0-based number of the conversation on this dialogue; ``index`` and ``repeat`` pair the systems' records.
        conversation_id: the corpus's id, None where it is not known.
        history: the turns before the first free one: the same for every system.
        turns: the free turns.
        gold: replies to human contexts of this dialogue; may be empty.
        seed: of the evaluation; with ``index`` and ``repeat`` it decides seeker and noise. None where it is not known.
    """

    index: int
    repeat: int
    conversation_id: int | None
    history: list[Line]
    turns: list[TurnRecord]
    gold: list[GoldRecord]
    seed: int | None = None

    @property
    def key(self) -> tuple[int, int]:
        """``index`` and ``repeat``: which of the systems' conversations belong together."""
        return self.index, self.repeat

    @property
    def replies(self) -> list[str]:
        """The replies of the free turns."""
        return [turn.reply for turn in self.turns]


def write_records(path: Path, records: Iterable[ConversationRecord]) -> None:
    """Write records as JSON lines, atomically.

    Raises:
        DataError: a number that is not finite: JSON has none.
    """
    write_text(path, "".join(_line(record, path) for record in records))


def read_records(path: Path) -> list[ConversationRecord]:
    """Read the records of one system, in the file's order.

    Raises:
        DataError: no such file, or a line that is not a record; file, line and field are named.
    """
    if not path.is_file():
        raise DataError("no such file", file=path, remedy=_FIRST)
    lines = read_text(path, remedy=_AGAIN).split("\n")
    return [
        ConversationRecord.from_json(line, file=path, line=number, remedy=_AGAIN)
        for number, line in enumerate(lines, start=1)
        if line
    ]


def _line(record: ConversationRecord, path: Path) -> str:
    try:
        return json_text(record.to_json()) + "\n"
    except ValueError as error:
        raise DataError(
            f"the record of dialogue {record.index} holds a number that is not finite",
            file=path,
            remedy="Leave a head that gave no score out; write None for a missing kl",
        ) from error
