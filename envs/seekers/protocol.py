"""The protocol that every seeker follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from envs.dialogue import Dialogue
from envs.turns.state import ConversationState, Opening, SeekerTurn


class Seeker(Protocol):
    """The seeker's side of conversations; it keeps nothing of a conversation outside the ``ConversationState``."""

    @property
    def turns(self) -> int:
        """The most free recommender turns; the conversation ends after them, whatever the last answer is."""
        ...

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """The human turns before the first free recommender turn."""
        ...

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """Answer the reply of ``turns[-1]`` of each conversation; all randomness comes from its own ``rng``."""
        ...
