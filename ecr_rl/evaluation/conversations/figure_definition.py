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
ValuesOf = Callable[[ConversationRecord], list[float]]
"""Reads a conversation's values of what is averaged: a number for each turn, or for each gold context."""
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
        statistic: computes it from the conversations of one system; None for the figures of ``held_out_figures``, which
            are in deviations of the baseline.
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


def of_turns(value: Callable[[TurnRecord], float | None]) -> ValuesOf:
    """Reads the values of a conversation's turns, those of turns that have one."""
    return lambda record: [number for turn in record.turns if (number := value(turn)) is not None]


def dialogue_values(dialogues: Dialogues, value: Callable[[TurnRecord], float | None]) -> np.ndarray:
    """(N,) for each dialogue the mean over its conversations' turns that have a value; NaN without such a turn."""
    return dialogue_means(dialogues, of_turns(value))


def dialogue_means(dialogues: Dialogues, values: ValuesOf) -> np.ndarray:
    """(N,) for each dialogue the mean of all values of its conversations; NaN without any."""
    known = [[number for record in records for number in values(record)] for records in dialogues]
    return floats([sum(row) / len(row) if row else np.nan for row in known])


def conversation_means(dialogues: Dialogues, values: ValuesOf) -> list[list[float]]:
    """For each dialogue the mean of each of its conversations' values; a conversation without any is left out."""
    return [[sum(known) / len(known) for record in records if (known := values(record))] for records in dialogues]


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
