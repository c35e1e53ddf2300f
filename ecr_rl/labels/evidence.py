"""What a judge is shown, what it answers, and the protocol that every judge follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from envs.dialogue import SeekerProfile
from envs.heads import Exchange


@dataclass(frozen=True, slots=True)
class Evidence:
    """An exchange and what the corpus knows beyond its text.

    Attributes:
        exchange: context and reply as the critic sees them, films as ``Title (Year)``.
        films: ids of the films that the reply names, in order.
        named: ids of the films that the context names, by either side.
        told: ids of the films that the seeker's turns name.
        asked: ids of the films that the seeker's last turn names.
        profile: the seeker's questionnaire and tastes.
        reference: the human's reply at this place, films as titles; None where the reply is the human's own.
        next_turn: what the seeker said after this very reply; empty where the corpus does not know.
    """

    exchange: Exchange
    films: tuple[int, ...] = ()
    named: tuple[int, ...] = ()
    told: tuple[int, ...] = ()
    asked: tuple[int, ...] = ()
    profile: SeekerProfile = field(default_factory=SeekerProfile)
    reference: str | None = None
    next_turn: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """A judge's answer for N pieces of evidence.

    Attributes:
        values: (N, heads) float32 in [0, 1]; 0 where unknown.
        known: (N, heads) bool; False where the judge gives no score. An unknown score is never read as a number.
    """

    values: np.ndarray
    known: np.ndarray


class Judge(Protocol):
    """Scores replies on the six heads; the provenance of its labels is ``name``."""

    name: str

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; row i belongs to piece i."""
        ...
