"""The settings that name a part, with the registry of the names; a part from outside is ``module:attribute``.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from algorithms.chat.seekers import SEEKERS
from algorithms.evaluators.registry import EVALUATORS
from algorithms.ppo.estimators import ESTIMATORS
from envs.builtin_heads import HEADS
from envs.corpora.corpus import READERS, names_reader
from envs.errors import ConfigError
from envs.marks import Settings
from envs.registry import Registry, is_own
from envs.reward_sources import REWARD_SOURCES

FIGURES: Registry[Any] = Registry("figure")
"""Figures from outside alone: ``ecr_rl.evaluation.conversations.definitions`` says what they are."""
NAMED_PARTS: Mapping[str, Registry[Any]] = {
    "heads": HEADS,
    "env.seeker": SEEKERS,
    "reward.source": REWARD_SOURCES,
    "ppo.advantage": ESTIMATORS,
    "ppo.selecting": EVALUATORS,
    "evaluation.reporting": EVALUATORS,
    "evaluation.figures": FIGURES,
}
"""For each such setting of ``RunConfig``, by its key, the registry of the parts that it may name."""
_SOURCE = "data.source"
"""This setting names a reader only if it is not one of its words, a path or an address."""


def check_names(config: Settings) -> None:
    """Refuse a run's settings that name a part which does not exist; nothing is imported.

    Raises:
        ValidationError: of pydantic, with each wrong key.
    """
    wrong: list[InitErrorDetails] = []
    for key, registry, name in _named(config):
        try:
            registry.check(name)
        except ConfigError as error:
            problem = PydanticCustomError("part", "{message}", {"message": str(error)})
            wrong.append(InitErrorDetails(type=problem, loc=tuple(key.split(".")), input=name))
    if wrong:
        raise ValidationError.from_exception_data(type(config).__name__, wrong)


def own_parts(config: Settings) -> list[tuple[str, str]]:
    """The keys of a run's settings that name a part from outside, each with that ``module:attribute``."""
    return [(key, name) for key, _, name in _named(config) if is_own(name)]


def load_own_parts(config: Settings) -> None:
    """Import the parts from outside, so that a wrong one is found before anything is made.

    Raises:
        ConfigError: there is no such module or attribute.
    """
    for _, registry, name in _named(config):
        if is_own(name):
            registry.get(name)


def _named(config: Settings) -> Iterator[tuple[str, Registry[Any], str]]:
    for key, registry in NAMED_PARTS.items():
        value = _value(config, key)
        yield from ((key, registry, name) for name in ([value] if isinstance(value, str) else value))
    if names_reader(source := _value(config, _SOURCE)):
        yield _SOURCE, READERS, source


def _value(config: Settings, key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value
