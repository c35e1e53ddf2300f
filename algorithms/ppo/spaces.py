"""The space of token sequences: observations and actions of the policy."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np


class TokenSequence(gymnasium.Space[np.ndarray]):
    """Int32 token ids of varying length: shape (length,), 0 <= length <= max_length; episodes hold no padding.

    Args:
        vocabulary: number of token ids.
        max_length: longest sequence, in tokens.
        seed: of ``sample``.
    """

    def __init__(self, vocabulary: int, max_length: int, seed: int | np.random.Generator | None = None) -> None:
        """Describe sequences of up to ``max_length`` ids below ``vocabulary``."""
        super().__init__(shape=None, dtype=np.int32, seed=seed)
        self.vocabulary, self.max_length = int(vocabulary), int(max_length)

    @property
    def is_np_flattenable(self) -> bool:
        """False: the length varies."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> np.ndarray:
        """A sequence of uniform length with uniform ids; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("TokenSequence.sample takes neither mask nor probability")
        length = int(self.np_random.integers(0, self.max_length + 1))
        return self.np_random.integers(0, self.vocabulary, length).astype(np.int32)

    def contains(self, x: Any) -> bool:
        """Whether ``x`` is a one-dimensional integer array within length and vocabulary."""
        if not isinstance(x, np.ndarray) or x.ndim != 1 or x.dtype.kind not in "iu" or len(x) > self.max_length:
            return False
        return len(x) == 0 or bool(x.min() >= 0 and x.max() < self.vocabulary)

    def __eq__(self, other: object) -> bool:
        """Equal when vocabulary and length agree."""
        return isinstance(other, TokenSequence) and (other.vocabulary, other.max_length) == (
            self.vocabulary,
            self.max_length,
        )

    def __repr__(self) -> str:
        """Constructor form."""
        return f"TokenSequence({self.vocabulary}, {self.max_length})"
