"""The metrics of PPO's iterations as arrays for plotting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecr_rl.runs.metrics import RESERVED, read_metrics


@dataclass(frozen=True)
class Curves:
    """Metrics over iterations.

    Attributes:
        steps: the iterations, ascending, shape (T,).
        values: metric to its values, shape (T,); NaN where an iteration has none.
    """

    steps: np.ndarray
    values: Mapping[str, np.ndarray]


def read_curves(folder: Path) -> Curves:
    """PPO's metrics of a run folder: the last line of each iteration; empty when there are none.

    Raises:
        RunError: ``metrics.jsonl`` holds a line that is not JSON.
    """
    lines = {line["step"]: line for line in read_metrics(folder) if line["stage"] == "ppo"}
    steps = sorted(lines)
    names = dict.fromkeys(name for step in steps for name in lines[step] if name not in RESERVED)
    values = {name: np.array([_number(lines[step].get(name)) for step in steps]) for name in names}
    return Curves(np.array(steps), {name: row for name, row in values.items() if np.isfinite(row).any()})


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Centred mean over ``window`` (odd) values, fewer at the ends, gaps left out, shape (T,)."""
    half = window // 2
    rows = [values[max(0, index - half) : index + half + 1] for index in range(len(values))]
    return np.array([row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in rows])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
