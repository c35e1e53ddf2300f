"""Which dialogue an episode starts from: a function of (seed, stream, index), so no generator state has to be saved."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

Episode = tuple[int, int]
"""(stream, index): a stream, such as a training iteration, and the number of the episode in it."""

EVALUATION = 2**31 - 1
"""The stream whose k-th episode starts from the k-th dialogue, in order."""


def dialogue_place(seed: int, episode: Episode, dialogues: int) -> int:
    """The index of an episode's dialogue, in [0, ``dialogues``).

    The stream EVALUATION takes the dialogues in order. Other streams shuffle them, anew for every pass, so each
    dialogue is used once before any is used again.
    """
    stream, index = episode
    if stream == EVALUATION:
        return index % dialogues
    return int(_shuffled(seed, stream, index // dialogues, dialogues)[index % dialogues])


def episode_rng(seed: int, episode: Episode) -> np.random.Generator:
    """The generator of all random draws of an episode."""
    return np.random.default_rng([seed, *episode])


@lru_cache(maxsize=16)
def _shuffled(seed: int, stream: int, passed: int, dialogues: int) -> np.ndarray:
    # The last 1 keeps these generators apart from the episodes' own: trailing zeros do not count in a seed.
    return np.random.default_rng([seed, stream, passed, 1]).permutation(dialogues)
