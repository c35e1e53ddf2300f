"""Schedules of the policy's learning rate: functions of the iteration, so no scheduler state has to be saved."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]
"""The course of the rate after its warm-up."""


def learning_rate_factor(done: int, total: int, schedule: Schedule, warmup: int) -> float:
    """The factor of the full learning rate at an update.

    It rises as ``(done + 1) / (warmup + 1)`` over ``warmup`` updates. From there, with ``p`` the share of the remaining
    updates that are done, it is 1, ``1 - p`` or ``(1 + cos(pi p)) / 2`` (Loshchilov & Hutter, arXiv 1608.03983).

    Args:
        done: updates of the policy before this one; below 0 counts as 0.
        total: updates of the policy in all; the rate of the last one is above 0.
        schedule: the course after the warm-up.
        warmup: updates before the full rate.
    """
    done = max(0, done)
    if done < warmup:
        return (done + 1) / (warmup + 1)
    passed = min(1.0, (done - warmup) / max(1, total - warmup))
    if schedule == "linear":
        return 1.0 - passed
    return (1.0 + math.cos(math.pi * passed)) / 2 if schedule == "cosine" else 1.0
