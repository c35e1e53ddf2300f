"""The callback by which long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping

OnStep = Callable[[int, int, Mapping[str, float]], None]
"""Called with the steps done, the steps in all, and figures by name."""
