"""What edits of replies do to judges, in the form that it has in JSON."""

from __future__ import annotations

from dataclasses import dataclass

from ecr_rl.evaluation.bootstrap import Interval
from envs.json_record import JsonRecord

FOOLED = 0.1
"""A judge is fooled by an edit that moves a score up by more than this, in standard deviations of its scores."""


@dataclass(frozen=True, slots=True)
class HeadMove:
    """How an edit of replies moves a head of a judge.

    Attributes:
        change: the mean change, in standard deviations of the judge's scores of the unedited replies, with its 95 %
            interval; None where those do not differ or no score is known.
        expected: ``down``, ``not up`` or ``still``; None where the edit may change the head.
        fooled: whether it moves up by more than ``FOOLED``, the interval above 0, where it should not move up.
    """

    change: Interval | None
    expected: str | None
    fooled: bool


@dataclass(frozen=True, slots=True)
class EditEffect:
    """What an edit does to every judge.

    Attributes:
        does: what it does to a reply.
        n: replies that it fits.
        judges: by judge and head.
    """

    does: str
    n: int
    judges: dict[str, dict[str, HeadMove]]


@dataclass(frozen=True, slots=True)
class Sensitivity(JsonRecord):
    """How edits of human replies move judges.

    Attributes:
        edits: by the edit's name.
        judges: their names.
        n: human replies.
        dialogues: that they are of.
        seed: of edits and resamples.
    """

    edits: dict[str, EditEffect]
    judges: list[str]
    n: int
    dialogues: int
    seed: int
