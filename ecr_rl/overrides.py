"""Change settings by ``-s section.key=value``, and compare two sets of settings.

This module works on plain dictionaries; ``ecr_rl/config.py`` defines the settings themselves.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ecr_rl.yaml_text import read_yaml
from envs.errors import ConfigError
from envs.marks import Settings, type_at


@dataclass(frozen=True, slots=True)
class Override:
    """One ``section.key=value``.

    Attributes:
        path: the key's parts, e.g. ``("ppo", "iterations")``.
        value: the value.
        where: where it is written, for messages, e.g. ``-s ppo.iterations=3``.
    """

    path: tuple[str, ...]
    value: Any
    where: str


def parse_override(text: str, kind: type[Settings]) -> Override:
    """Read ``section.key=value``.

    For a setting that takes text (a path, a name) the value is the text as it stands, without quotes around it; an
    empty value is none, and ``null`` is none where the setting may be absent. Any other value is YAML: numbers, true
    and false, lists and mappings.

    Args:
        text: as written behind ``-s``.
        kind: the settings that it changes, whose fields say which take text.

    Raises:
        ConfigError: no ``=``, an empty part of the key, or a value that is not YAML where it must be.
    """
    key, equals, value = text.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not equals or not all(path):
        raise ConfigError(f"-s {text}: write it as section.key=value, for example -s ppo.iterations=10")
    try:
        return Override(path, _value(value.strip(), type_at(kind, path)), f"-s {text}")
    except ConfigError as error:
        raise ConfigError(f"-s {text}: the value is not YAML ({error}). Quote text that YAML reads") from error


def _value(text: str, wanted: Any) -> Any:
    """A value as written, for a setting of this type."""
    options = get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)
    if not any(map(_is_text, options)) or not text or (NoneType in options and text in ("null", "~")):
        return read_yaml(text)
    if text[0] in "'\"" and text[0] == text[-1] and len(text) > 1:
        try:
            return read_yaml(text)
        except ConfigError:  # the quotes are a part of the text, as in "a" or "b"
            return text
    return text


def _is_text(kind: Any) -> bool:
    """Whether a type's values are texts: str, a path, an enumeration or a choice of words."""
    if get_origin(kind) is Literal:
        return all(isinstance(word, str) for word in get_args(kind))
    return isinstance(kind, type) and issubclass(kind, str | Path)


def apply_overrides(
    settings: Mapping[str, Any], overrides: Iterable[Override], defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """A copy of the settings with the overrides applied.

    A mapping that the file leaves out is first filled from the defaults, so ``reward.weights.bleu=0`` changes one
    weight and keeps the others. An entry of a list is named by its index: ``labels.more_judges.0.weight=2``.

    Args:
        settings: the file's settings, nested.
        overrides: applied in order, the last wins.
        defaults: the complete default settings, nested.

    Raises:
        ConfigError: a key is below something that is not a section, or names no entry of a list.
    """
    result: dict[str, Any] = copy.deepcopy(dict(settings))
    for override in overrides:
        section: dict[str, Any] | list[Any] = result
        default: Any = defaults
        for depth, part in enumerate(override.path[:-1], start=1):
            default = default.get(part) if isinstance(default, Mapping) else None
            if isinstance(section, dict) and section.get(part) is None:
                section[part] = copy.deepcopy(dict(default)) if isinstance(default, Mapping) else {}
            below = section[_key(section, override, depth)]
            if not isinstance(below, dict | list):
                parent = ".".join(override.path[:depth])
                raise ConfigError(f"{override.where}: {parent} is the value {below!r}, not a section of settings")
            section = below
        section[_key(section, override, len(override.path))] = override.value
    return result


def _key(section: dict[str, Any] | list[Any], override: Override, depth: int) -> Any:
    """The key or index in a section that part ``depth`` (1-based) of an override's path names.

    Raises:
        ConfigError: the section is a list that has no such entry.
    """
    part = override.path[depth - 1]
    if isinstance(section, dict):
        return part
    if part.isdigit() and int(part) < len(section):
        return int(part)
    parent = ".".join(override.path[: depth - 1])
    raise ConfigError(f"{override.where}: {parent} has {len(section)} entries, counted from 0, and no {part!r}")


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
