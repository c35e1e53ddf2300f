"""The chat models that come as Python packages, by the name that a setting gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from algorithms.packaged_models import SMOLLM2, packaged_smollm2
from algorithms.packaged_qwen import QWEN, packaged_qwen

PACKAGED: dict[str, Callable[[Path], Path]] = {SMOLLM2: packaged_smollm2, QWEN: packaged_qwen}
"""What gives each model's folder, from the cache's folder."""


def model_source(model: str, cache: Path) -> str:
    """The folder of a packaged model; another name, a folder or a hub id, as it is.

    Raises:
        ModelError: the model's package is missing or damaged.
    """
    packaged = PACKAGED.get(model)
    return model if packaged is None else str(packaged(cache))
