"""The seekers by name, and how the one that the settings name is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envs.catalog import Catalog
from envs.registry import Registry, build
from envs.seekers.profile import ProfileSeeker
from envs.seekers.protocol import Seeker
from envs.seekers.replay import ReplaySeeker
from envs.settings import EnvSettings


@dataclass(frozen=True, slots=True)
class SeekerInputs:
    """What a seeker is made from.

    Attributes:
        settings: how conversations run; ``max_turns`` says how long a seeker stays.
        catalog: the films.
        seed: of chance that does not come from a conversation's own ``rng``, such as a language model's sampling.
        cache: folder of packaged models, ``~/.cache/ecr-rl`` where None.
    """

    settings: EnvSettings
    catalog: Catalog
    seed: int = 0
    cache: Path | None = None


SEEKERS: Registry[Callable[[SeekerInputs], Seeker]] = Registry(
    "seeker",
    {
        "replay": lambda inputs: ReplaySeeker(inputs.settings.horizon),
        "profile": lambda inputs: ProfileSeeker(inputs.catalog, inputs.settings.max_turns),
    },
)
"""What makes each seeker that needs no model: a class or function that takes ``SeekerInputs``."""


def build_seeker(inputs: SeekerInputs, seekers: Registry[Callable[[SeekerInputs], Seeker]] = SEEKERS) -> Seeker:
    """The seeker that ``inputs.settings.seeker`` names.

    Args:
        inputs: what it is made from.
        seekers: those that can be named.

    Raises:
        ConfigError: no seeker of that name, or an own one that lacks something of ``Seeker``.
        ModelError: the model that speaks for it cannot be loaded.
    """
    return build(seekers, inputs.settings.seeker, Seeker, inputs)
