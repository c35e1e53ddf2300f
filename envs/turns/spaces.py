"""The space of utterances: any Unicode text up to a length, the empty one included.

``gymnasium.spaces.Text`` supports only a fixed alphabet; a conversation's alphabet is Unicode. Gymnasium batches a
custom space as a tuple, here of texts.
"""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from typing import Any, NoReturn

import gymnasium
import numpy as np
from gymnasium.vector.utils import create_shared_memory

from envs.errors import ConfigError

_ALPHABET = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'é漢🎬"


class UtteranceSpace(gymnasium.Space[str]):
    """Text of 0 to ``max_characters`` Unicode characters.

    Args:
        max_characters: longest text.
        seed: of ``sample``.
    """

    def __init__(self, max_characters: int, seed: int | np.random.Generator | None = None) -> None:
        """Describe texts of up to ``max_characters``."""
        super().__init__(shape=None, dtype=None, seed=seed)
        self.max_characters = int(max_characters)

    @property
    def is_np_flattenable(self) -> bool:
        """False: text has no fixed size."""
        return False

    def sample(self, mask: Any | None = None, probability: Any | None = None) -> str:
        """A text of uniform length, at most 60 characters; masks are not supported."""
        if mask is not None or probability is not None:
            raise ValueError("UtteranceSpace.sample takes neither mask nor probability")
        length = int(self.np_random.integers(0, min(60, self.max_characters) + 1))
        return "".join(_ALPHABET[int(i)] for i in self.np_random.integers(0, len(_ALPHABET), length))

    def contains(self, x: Any) -> bool:
        """Whether ``x`` is text within the length."""
        return isinstance(x, str) and len(x) <= self.max_characters

    def to_jsonable(self, sample_n: Any) -> list[str]:
        """The texts themselves."""
        return list(sample_n)

    def from_jsonable(self, sample_n: list[Any]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The texts themselves."""
        return [str(text) for text in sample_n]

    def __eq__(self, other: object) -> bool:
        """Equal when the lengths agree."""
        return isinstance(other, UtteranceSpace) and other.max_characters == self.max_characters

    def __hash__(self) -> int:
        """Equal for equal spaces."""
        return hash((UtteranceSpace, self.max_characters))

    def __repr__(self) -> str:
        """Constructor form."""
        return f"UtteranceSpace({self.max_characters})"


def _refuse_processes(*_: object, **__: object) -> NoReturn:
    raise ConfigError(
        "conversations do not run in an AsyncVectorEnv: each process would load its own critic and judge one reply at "
        'a time. Use gymnasium.make_vec("ecr/ReDial-v1", num_envs=N), which judges N replies in one batch, or '
        "SyncVectorEnv"
    )


# AsyncVectorEnv makes shared memory for its observations or, with shared_memory=False, sends the spaces to its workers
# through multiprocessing's own pickler. Neither pickle and copy nor Ray use these two.
create_shared_memory.register(UtteranceSpace, _refuse_processes)
ForkingPickler.register(UtteranceSpace, _refuse_processes)
