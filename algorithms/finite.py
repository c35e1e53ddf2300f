"""Training stops when its loss is no number, and weights that are no numbers are not saved."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from envs.errors import ModelError

if TYPE_CHECKING:
    import torch


def require_finite_loss(loss: float, step: int, setting: str) -> None:
    """Refuse to go on from a loss that is infinite or no number.

    Args:
        loss: of this step.
        step: counted from 1.
        setting: the learning rate's, such as ``supervised.learning_rate``.

    Raises:
        ModelError: the loss is not finite.
    """
    if not math.isfinite(loss):
        raise ModelError(f"training diverged at step {step}: the loss is not finite. Lower {setting}")


def require_finite_weights(weights: Iterable[tuple[str, torch.Tensor]], what: str) -> None:
    """Refuse to save weights that are infinite or no numbers.

    Args:
        weights: each with its name.
        what: is saved, such as a folder.

    Raises:
        ModelError: a weight is not finite.
    """
    bad = next((name for name, tensor in weights if not bool(tensor.isfinite().all())), None)
    if bad is not None:
        raise ModelError(
            f"{what}: the weights of {bad} are not finite, so nothing is saved. Train with a lower learning rate"
        )
