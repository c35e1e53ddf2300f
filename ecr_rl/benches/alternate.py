"""Two pieces of work timed in turns, so that both meet the same machine."""

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
    """Time both in turns, each round the other one first, after one round that does not count."""
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
        **{f"{name}_replies_per_second": count / statistics.median(found) for name, found in seconds.items()},
        "n": count,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "load": load,
    }
