"""What a figure is, and the statistics that figures are made of.

A figure's statistic is a sum over the conversations of each dialogue, which the bootstrap draws together. Each function
below makes one: ``turn_mean(value)`` takes a system's dialogues and returns the mean of ``value`` over all turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ecr_rl.evaluation.bootstrap import Ratio, Statistic
from ecr_rl.evaluation.conversations.records import ConversationRecord, TurnRecord

Dialogues = Sequence[Sequence[ConversationRecord]]
"""The conversations of each dialogue; the bootstrap draws them together."""
StatisticOf = Callable[[Dialogues], Statistic]
"""Computes a figure's statistic from one system's dialogues."""


@dataclass(frozen=True)
class Definition:
    """One figure.

    Attributes:
        name: its key in the report's JSON.
        label: its name for a reader.
        formula: what is computed, over what.
        group: the heading it stands under.
        better: the direction that is an improvement; ``neither`` where a change alone is neither.
        decimals: digits after the point that are worth reading.
        statistic: computes it from the conversations of one system; None for the held-out figures, which are in units
            of the other system's deviations.
    """

    name: str
    label: str
    formula: str
    group: str
    better: Literal["higher", "lower", "neither"]
    decimals: int = 3
    statistic: StatisticOf | None = None


def turn_mean(value: Callable[[TurnRecord], float]) -> StatisticOf:
    """Mean over all turns of all conversations."""
    return lambda dialogues: pooled(
        [[value(turn) for record in records for turn in record.turns] for records in dialogues]
    )


def conversation_mean(value: Callable[[ConversationRecord], float | None]) -> StatisticOf:
    """Mean over the conversations that have a value."""

    def statistic(dialogues: Dialogues) -> Ratio:
        known = [[number for record in records if (number := value(record)) is not None] for records in dialogues]
        return pooled(known)

    return statistic


def dialogue_mean(value: Callable[[TurnRecord], float | None]) -> StatisticOf:
    """Mean over a dialogue's turns that have a value, then over dialogues."""
    return lambda dialogues: mean_of(dialogue_values(dialogues, value))


def dialogue_values(dialogues: Dialogues, value: Callable[[TurnRecord], float | None]) -> np.ndarray:
    """(N,) for each dialogue the mean over its conversations' turns that have a value; NaN without such a turn."""
    found = [[value(turn) for record in records for turn in record.turns] for records in dialogues]
    known = [[number for number in row if number is not None] for row in found]
    return floats([sum(row) / len(row) if row else np.nan for row in known])


def mean_of(values: np.ndarray) -> Ratio:
    """Mean over the dialogues that have a value, (N,); NaN is none."""
    known = np.isfinite(values)
    return Ratio(np.where(known, values, 0.0), known.astype(np.float64))


def replies_of(dialogues: Dialogues) -> list[list[str]]:
    """The replies of each dialogue."""
    return [[turn.reply for record in records for turn in record.turns] for records in dialogues]


def floats(values: Sequence[float]) -> np.ndarray:
    """The numbers as float64."""
    return np.array(values, dtype=np.float64)


def pooled(values: Sequence[Sequence[float]]) -> Ratio:
    """Mean over all values of all dialogues, given by dialogue."""
    return Ratio(floats([sum(row) for row in values]), floats([len(row) for row in values]))
