"""How the policy's learning rate goes over the iterations: a function of the iteration, so that nothing is saved."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]
"""What the rate does after its warm-up."""


def learning_rate_factor(done: int, total: int, schedule: Schedule, warmup: int) -> float:
    """Share of the full learning rate that an update takes.

    It rises as ``(done + 1) / (warmup + 1)`` over ``warmup`` updates. From there, with ``p`` the share of the remaining
    updates that are done, it is 1, ``1 - p`` or ``(1 + cos(pi p)) / 2`` (Loshchilov & Hutter, arXiv 1608.03983).

    Args:
        done: updates of the policy before this one; below 0 counts as 0.
        total: updates of the policy in all; the last of them still learns.
        schedule: what it does after its warm-up.
        warmup: updates before the full rate.
    """
    done = max(0, done)
    if done < warmup:
        return (done + 1) / (warmup + 1)
    passed = min(1.0, (done - warmup) / max(1, total - warmup))
    if schedule == "linear":
        return 1.0 - passed
    return (1.0 + math.cos(math.pi * passed)) / 2 if schedule == "cosine" else 1.0
