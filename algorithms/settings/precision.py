"""The dtype in which a model computes."""

from __future__ import annotations

from typing import Literal

Precision = Literal["auto", "float32", "bfloat16"]
"""The dtype in which a model computes; ``computes_in_bfloat16`` resolves ``auto``."""


def computes_in_bfloat16(precision: Precision, device: str) -> bool:
    """Whether a model computes in bfloat16 rather than float32.

    ``auto`` is bfloat16 on a GPU and float32 on every CPU, also on one with bfloat16 instructions, so that a command
    does not give another policy on another CPU for that reason.

    Args:
        precision: the setting.
        device: the type of the device, ``cpu`` or ``cuda``.
    """
    return precision == "bfloat16" or (precision == "auto" and device == "cuda")
