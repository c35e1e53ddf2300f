"""Time two functions alternately, so that both run under the same load."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from envs.progress import OnStep


def alternate(
    work: Callable[[], object], floor: Callable[[], object], count: int, rounds: int, on_step: OnStep
) -> dict[str, Any]:
    """Time both alternately after a warm-up round; which one runs first changes with every round."""
    load = os.getloadavg()[0]
    seconds: dict[str, list[float]] = {"score": [], "floor": []}
    parts = {"score": work, "floor": floor}
    for round_ in range(rounds + 1):
        on_step(round_, rounds + 1, {})
        for name in sorted(parts, reverse=bool(round_ % 2)):
            begun = time.perf_counter()
            parts[name]()
            if round_:
                seconds[name].append(time.perf_counter() - begun)
    on_step(rounds + 1, rounds + 1, {})
    ratios = [below / above for above, below in zip(seconds["score"], seconds["floor"], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        **{f"{name}_replies_per_second": count / statistics.median(times) for name, times in seconds.items()},
        "n": count,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "load": load,
    }
