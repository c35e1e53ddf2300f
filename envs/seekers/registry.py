"""The registry of seekers, and the function that builds the seeker that the settings name."""

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
    """The inputs from which a seeker is built.

    Attributes:
        settings: how conversations run; a seeker leaves after ``max_turns`` at the latest.
        catalog: the films.
        seed: of random draws that do not use a conversation's own ``rng``, such as a language model's sampling.
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
"""The seekers that need no model; each is a class or function that takes ``SeekerInputs``."""


def build_seeker(inputs: SeekerInputs, seekers: Registry[Callable[[SeekerInputs], Seeker]] = SEEKERS) -> Seeker:
    """Build the seeker that ``inputs.settings.seeker`` names.

    Args:
        inputs: the inputs from which it is built.
        seekers: the registry to look the name up in.

    Raises:
        ConfigError: there is no seeker of that name, or your own seeker lacks a method of ``Seeker``.
        ModelError: the model that speaks for it cannot be loaded.
    """
    return build(seekers, inputs.settings.seeker, Seeker, inputs)
