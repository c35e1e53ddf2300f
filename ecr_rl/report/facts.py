"""The facts of a run in its report: durations, amounts of data, sizes of models, hashes of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ecr_rl.tables import shown
from envs.errors import DataError

Measured = dict[str, int | float | str | list[str] | None]
"""One of several measurements, by name."""
Facts = dict[str, bool | int | float | str | list[str] | list[Measured] | None]
"""What is known of a run by name: a number, a text, names, or what was measured several times."""

LABELS = {
    "iterations": "PPO iterations",
    "epochs": "Epochs over each iteration's conversations",
    "batches": "Gradient steps (batches)",
    "conversations": "Conversations sampled",
    "tokens": "Tokens sampled",
    "policy_loss": "Policy loss, last iteration",
    "value_loss": "Value loss, last iteration",
    "batches_per_second": "Batches a second",
    "wall_time_s": "Wall time of PPO",
    "parameters": "Parameters of the policy",
    "start_weights_sha256": "SHA-256 of the weights RL started from",
}
"""Label of each fact that the report always states, in order; further facts follow under their own names."""
CONSTRAINED = {"success": "Success", "pmi": "PMI, titles as slots", "people": "People's score", "dist2": "DIST-2"}
"""Label of each figure that a constraint may be on (``ecr_rl.training.constraints``)."""
_AGAIN = "Train the run to its end and evaluate it again"


@dataclass(frozen=True, slots=True)
class ScoredPolicy:
    """The policy after an iteration, on validation dialogues.

    Attributes:
        iteration: 0 is the supervised policy.
        kl: to the supervised policy, nats a token.
        reward: the run's own.
        score: the selecting evaluator's.
        violates: the constraints that it does not satisfy.
        figures: what constraints are on, by name; None where it was not measured.
    """

    iteration: int
    kl: float
    reward: float
    score: float
    violates: tuple[str, ...] = ()
    figures: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A policy that the run chose from, as text.

    Attributes:
        iteration: that it stands after.
        cells: the selecting evaluator's score, then the figures of ``CONSTRAINED``.
        reading: whether it is kept, and what it violates.
        kept: whether it is kept.
    """

    iteration: str
    cells: tuple[str, ...]
    reading: str
    kept: bool


def clean_facts(summary: Mapping[str, Any]) -> tuple[Facts, list[str]]:
    """The facts as JSON values, and the names of missing ones.

    A number that is not finite becomes None; a fact of ``LABELS`` that the summary leaves out is None.
    """
    known: dict[str, Any] = dict.fromkeys(LABELS) | dict(summary)
    facts: Facts = {name: None if _not_finite(value) else value for name, value in known.items()}
    return facts, [name for name in LABELS if facts[name] is None]


def scored_policies(facts: Facts) -> list[ScoredPolicy]:
    """The policies that the run chose from, by iteration; none where it chose none.

    Raises:
        DataError: one of them lacks a number.
    """
    try:
        scored = [
            ScoredPolicy(
                int(each["iteration"]),
                each["kl"],
                each["reward"],
                each["score"],
                tuple(each.get("violates", ())),
                {name: each.get(name) for name in CONSTRAINED},
            )
            for each in _measured(facts, "selection")
        ]
    except KeyError as error:
        raise DataError("a number is missing", field=f"selection.{error.args[0]}", remedy=_AGAIN) from error
    return sorted(scored, key=lambda policy: policy.iteration)


def choice_rows(facts: Facts) -> list[ChoiceRow]:
    """The policies that the run chose from, and what decided; none where it chose none.

    Raises:
        DataError: one of them lacks a number.
    """
    rows = []
    for policy in scored_policies(facts):
        kept = policy.iteration == facts.get("selected_iteration")
        broken = f"violates {', '.join(CONSTRAINED.get(name, name) for name in policy.violates)}"
        words = [
            "supervised" if not policy.iteration else "",
            "kept" if kept else "",
            broken if policy.violates else "",
        ]
        cells = (shown(policy.score), *(shown(policy.figures[name]) for name in CONSTRAINED))
        rows.append(ChoiceRow(str(policy.iteration), cells, "; ".join(filter(None, words)), kept))
    return rows


def constraint_sentences(facts: Facts) -> list[str]:
    """Each constraint in force in words: what the supervised policy has, and how much of it may be lost."""
    return [
        f"{CONSTRAINED.get(str(each['name']), each['name'])}: the supervised policy's {shown(each['start'])}, less "
        f"{shown(each['margin'])} at most"
        for each in _measured(facts, "constraints")
    ]


def _measured(facts: Facts, name: str) -> list[dict[str, Any]]:
    """What was measured several times, under a name; empty where nothing was."""
    values = facts.get(name)
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def facts_sentence(facts: Facts) -> str:
    """One sentence on the amount of training: iterations, conversations, tokens and minutes of PPO.

    Raises:
        DataError: one of these was not recorded.
    """
    return (
        f"{_number(facts, 'iterations'):.0f} PPO iterations, {_number(facts, 'conversations'):,.0f} conversations and "
        f"{_number(facts, 'tokens'):,.0f} sampled tokens in {_number(facts, 'wall_time_s') / 60:.1f} minutes of "
        f"sampling and learning; {_number(facts, 'parameters') / 1e6:.1f} M parameters."
    )


def fact_rows(facts: Facts) -> list[tuple[str, str]]:
    """Label and text of each fact; lists, which hold more than a line, are left to the JSON."""
    return [
        (LABELS.get(name, name.replace("_", " ").capitalize()), _text(name, value))
        for name, value in facts.items()
        if not isinstance(value, list)
    ]


def _number(facts: Facts, name: str) -> float:
    value = facts.get(name)
    if not isinstance(value, int | float):
        raise DataError("was not recorded", field=f"facts.{name}", remedy=_AGAIN)
    return value


def _not_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _text(name: str, value: object) -> str:
    if value is None:
        return "not recorded"
    if name == "wall_time_s" and isinstance(value, int | float):
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes} min {seconds:02} s"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
