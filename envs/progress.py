"""How long work tells of its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping

OnStep = Callable[[int, int, Mapping[str, float]], None]
"""Told of progress: steps done, steps in all, figures."""
