"""The protocol that every seeker follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from envs.dialogue import Dialogue
from envs.turns.state import ConversationState, Opening, SeekerTurn


class Seeker(Protocol):
    """One side of a conversation; what it knows of one is in the conversation's state, not in itself."""

    @property
    def turns(self) -> int:
        """Free recommender turns at most; the conversation is truncated after them."""
        ...

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """The human turns before the first free recommender turn."""
        ...

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """The answer to the reply of ``turns[-1]`` of each conversation; all chance comes from its own ``rng``."""
        ...
