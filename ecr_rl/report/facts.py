"""The facts of a run in its report: durations, amounts of data, sizes of models, hashes of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

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


def clean_facts(summary: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The facts as JSON values, and the names of missing ones.

    A number that is not finite becomes None; a fact of ``LABELS`` that the summary leaves out is None.
    """
    known: dict[str, Any] = dict.fromkeys(LABELS) | dict(summary)
    facts = {name: None if _not_finite(value) else value for name, value in known.items()}
    return facts, [name for name in LABELS if facts[name] is None]


def fact_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each fact; lists, which hold more than a line, are left to the JSON."""
    return [
        (LABELS.get(name, name.replace("_", " ").capitalize()), _text(name, value))
        for name, value in facts.items()
        if not isinstance(value, list)
    ]


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
