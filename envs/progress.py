"""The callback by which long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping

OnStep = Callable[[int, int, Mapping[str, float]], None]
"""Called with the steps done, the steps in all, and figures by name."""


def share_of(on_step: OnStep, before: int, size: int, total: int) -> OnStep:
    """Tells the progress of a part of some work: ``size`` of ``total`` units, after the first ``before``."""

    def step(done: int, of: int, figures: Mapping[str, float]) -> None:
        on_step(before + size * done // of, total, figures)

    return step
