"""The settings that name a part, with the registry of the names; a part from outside is ``module:attribute``.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from algorithms.chat.seekers import SEEKERS
from algorithms.evaluators.registry import EVALUATORS
from algorithms.ppo.estimators import ESTIMATORS
from ecr_rl.labels.judging.registry import JUDGES
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
    "labels.judge": JUDGES,
    "labels.more_judges.judge": JUDGES,
}
"""For each such setting of ``RunConfig``, by its key, the registry of the parts that it may name.

A list on the way to a setting stands for each of its entries.
"""
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
        yield from ((place, registry, name) for place, name in _names(config, key.split("."), ""))
    for _, source in _names(config, _SOURCE.split("."), ""):
        if names_reader(source):
            yield _SOURCE, READERS, source


def _names(value: Any, path: Sequence[str], above: str) -> Iterator[tuple[str, str]]:
    """The names that a setting holds, each with its key; the key of a list's entry holds the entry's index."""
    if not path:
        yield from ((above, name) for name in ([value] if isinstance(value, str) else value))
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _names(entry, path, f"{above}.{index}")
    else:
        yield from _names(getattr(value, path[0]), path[1:], f"{above}.{path[0]}".removeprefix("."))
