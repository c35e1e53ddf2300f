"""The protocol of judges: their input (``Evidence``) and their result (``Labels``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from envs.dialogue import SeekerProfile
from envs.heads import Exchange, Head


@dataclass(frozen=True, slots=True)
class Evidence:
    """An exchange, and the corpus's further records about it.

    Attributes:
        exchange: context and reply as the critic sees them, films as ``Title (Year)``.
        films: ids of the films that the reply names, in order.
        named: ids of the films that the context names, by either side.
        told: ids of the films that the seeker's turns name.
        asked: ids of the films that the seeker's last turn names.
        profile: the seeker's questionnaire and tastes.
        reference: the human reply to the same context, films as titles; None if the judged reply is the human one.
        near: human replies to the nearest training contexts, nearest first; may be empty.
        next_turn: the seeker's answer to exactly this reply; empty if the corpus has none.
        cut: whether the reply is known to stop before its end.
    """

    exchange: Exchange
    films: tuple[int, ...] = ()
    named: tuple[int, ...] = ()
    told: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()
    profile: SeekerProfile = field(default_factory=SeekerProfile)
    reference: str | None = None
    near: tuple[str, ...] = ()
    next_turn: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Labels:
    """A judge's answer for N pieces of evidence.

    Attributes:
        values: (N, heads) float32 in [0, 1]; 0 where unknown.
        known: (N, heads) bool; False where the judge gives no score. The value of an unknown score is never used.
        problems: N messages, why the judge failed on a piece; empty where it did not.
        flagged: (N,) bool; True where the text seems to speak to the judge.
        heads: the names of the columns.
    """

    values: np.ndarray
    known: np.ndarray
    problems: tuple[str, ...]
    flagged: np.ndarray
    heads: tuple[str, ...]

    def __len__(self) -> int:
        """The number of pieces of evidence."""
        return len(self.values)

    def columns(self, heads: Sequence[str]) -> list[int]:
        """The columns of some of the heads, in the order in which they are named."""
        return [self.heads.index(head) for head in heads]

    @property
    def scores(self) -> np.ndarray:
        """The values, (N, heads), with NaN where unknown."""
        return np.where(self.known, self.values, np.nan)

    @property
    def without_labels(self) -> list[str]:
        """The heads that no piece has a score of."""
        return [head for column, head in enumerate(self.heads) if not self.known[:, column].any()]


def no_labels(count: int, heads: Sequence[str]) -> Labels:
    """Labels of these heads for ``count`` pieces, nothing known yet: a judge fills them."""
    shape = (count, len(heads))
    values, known = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    return Labels(values, known, ("",) * count, np.zeros(count, dtype=bool), tuple(heads))


class Judge(Protocol):
    """Scores replies on heads.

    Attributes:
        name: ``rubric``, ``transformers`` or ``openai``; it is saved with every label.
        heads: what it scores, in the order of its labels' columns.
        provenance: what else decided the labels (model, prompt and code versions, context form), as JSON values
            without secrets.
    """

    name: str
    heads: tuple[Head, ...]
    provenance: Mapping[str, object]

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; row i belongs to piece i. A failure on a piece is recorded in ``problems``, not raised."""
        ...
