"""Change settings by ``-s section.key=value``, with values in YAML, and compare two sets of settings.

This module works on plain dictionaries; ``ecr_rl/config.py`` defines the settings themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from envs.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Override:
    """One ``section.key=value``.

    Attributes:
        path: the key's parts, e.g. ``("ppo", "iterations")``.
        value: the value, typed as YAML types it.
        text: the override as written, for messages.
    """

    path: tuple[str, ...]
    value: Any
    text: str


def parse_override(text: str) -> Override:
    """Read ``section.key=value``.

    Raises:
        ConfigError: no ``=``, an empty part of the key, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not equals or not all(path):
        raise ConfigError(f"-s {text}: write it as section.key=value, for example -s ppo.iterations=10")
    try:
        return Override(path, yaml.safe_load(value), text)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"-s {text}: the value is not YAML ({one_line(error)}). Quote text that YAML reads"
        ) from error


def apply_overrides(
    settings: Mapping[str, Any], overrides: Iterable[Override], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """A copy of the settings with the overrides applied.

    A mapping that the file leaves out is first filled from the defaults, so ``reward.weights.bleu=0`` changes one
    weight and keeps the others.

    Args:
        settings: the file's settings, nested.
        overrides: applied in order, the last wins.
        defaults: the complete default settings, nested.

    Raises:
        ConfigError: a key is below something that is not a section.
    """
    result: dict[str, Any] = copy.deepcopy(dict(settings))
    for override in overrides:
        mapping: dict[str, Any] = result
        default: Any = defaults
        for depth, part in enumerate(override.path[:-1], start=1):
            default = default.get(part) if isinstance(default, Mapping) else None
            if mapping.get(part) is None:
                mapping[part] = copy.deepcopy(dict(default)) if isinstance(default, Mapping) else {}
            if not isinstance(mapping[part], dict):
                parent = ".".join(override.path[:depth])
                raise ConfigError(
                    f"-s {override.text}: {parent} is the value {mapping[part]!r}, not a section of settings"
                )
            mapping = mapping[part]
        mapping[override.path[-1]] = override.value
    return result


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings by ``section.key``; an empty section is a value."""
    values: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            values |= flat(value, f"{above}{key}.")
        else:
            values[f"{above}{key}"] = value
    return values


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """The differences between nested settings, by ``section.key``, sorted: ``old -> new``."""
    old, new = flat(before), flat(now)
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return {key: f"{old.get(key)} -> {new.get(key)}" for key in keys}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most similar to a mistyped one; None if no name is similar."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def one_line(error: Exception) -> str:
    """An exception's message on one line."""
    return " ".join(str(error).split())
