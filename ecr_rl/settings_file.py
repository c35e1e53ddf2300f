"""Read settings from YAML files, check them strictly, and explain mistakes.

The caller defines the sections: a run's settings are in ``ecr_rl/config.py``, a sweep's in ``ecr_rl/sweep``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ecr_rl.overrides import Override, nearest
from ecr_rl.yaml_text import line_of_key, read_yaml
from envs.errors import ConfigError
from envs.inputs.text import UnreadableText, decoded, on_one_line, quoted
from envs.marks import Settings, listed_section, section_of

SettingsT = TypeVar("SettingsT", bound=Settings)


def read_mapping(file: Path) -> dict[str, Any]:
    """Read the mapping of a YAML file; an empty file gives an empty mapping.

    Raises:
        ConfigError: the file is not YAML or not a mapping, or has a key twice.
    """
    try:
        values = read_yaml(decoded(file.read_bytes()))
    except (ConfigError, UnreadableText, OSError) as error:
        raise ConfigError(f"{file}: not readable as YAML: {on_one_line(str(error))}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{file}: a config is a mapping of sections, this is a {type(values).__name__}")
    return values


def validated(
    kind: type[SettingsT], values: Mapping[str, Any], source: Path | str, changes: Sequence[Override] = ()
) -> SettingsT:
    """Build settings from plain values, and check them.

    Args:
        kind: the settings' class.
        values: nested values.
        source: where they are from, for messages: a YAML file, whose lines are told, or a name.
        changes: what changed some of them, for messages.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of range, settings that contradict each other;
            one line for each, which names the key, and the nearest key for one that is unknown.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(kind, detail, source, changes) for detail in error.errors())) from error


def given_fields(settings: Settings) -> dict[str, Any]:
    """The fields that were given, not those that are defaults, by name; sections are settings themselves."""
    return {name: getattr(settings, name) for name in settings.model_fields_set}


def sections_of(kind: type[Settings]) -> dict[str, type[Settings]]:
    """The fields of settings that are sections themselves."""
    found = {name: field.annotation for name, field in kind.model_fields.items()}
    return {name: inner for name, inner in found.items() if isinstance(inner, type) and issubclass(inner, Settings)}


def described_keys(kind: type[Settings], above: str = "") -> Iterator[tuple[str, str]]:
    """``section.key`` and description of every setting, in the order of the fields, optional sections included."""
    for name, field in kind.model_fields.items():
        inner = section_of(field)
        if inner is None:
            yield f"{above}{name}", field.description or ""
        else:
            yield from described_keys(inner, f"{above}{name}.")


def place_of(source: Path | str, path: Sequence[str]) -> str:
    """Where a key is written: file and line, or the name of a source that is no file.

    Args:
        source: a YAML file that can be read, or a name.
        path: the keys that lead to it.
    """
    line = line_of_key(decoded(source.read_bytes()), path) if isinstance(source, Path) else None
    return str(source) if line is None else f"{source}, line {line}"


def _explain(kind: type[Settings], detail: ErrorDetails, source: Path | str, changes: Sequence[Override]) -> str:
    """One line for one validation error: where, key, what is wrong, and a suggestion."""
    path = tuple(str(part) for part in detail["loc"])
    key = ".".join(path)
    change = next((change for change in reversed(changes) if path and _one_holds_other(change.path, path)), None)
    where = place_of(source, path) if change is None else change.where
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key {key}. {_did_you_mean(kind, path)}"
    message = detail["msg"].removeprefix("Value error, ")
    if not path:
        return f"{where}: {message}"
    written = "" if isinstance(detail["input"], dict) else f" (it is {quoted(detail['input'])})"
    if detail["type"] == "string_type" and isinstance(detail["input"], int | float):
        written += ". Quote it"
    return f"{where}: {key}: {message}{written}"


def _one_holds_other(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    return all(left == right for left, right in zip(first, second, strict=False))


def _did_you_mean(kind: type[Settings], path: tuple[str, ...]) -> str:
    siblings = _keys_below(kind, path[:-1])
    near = nearest(path[-1], siblings)
    if near is not None:
        return f"Did you mean {'.'.join((*path[:-1], near))}?"
    elsewhere = [f"{name}.{path[-1]}" for name, inner in sections_of(kind).items() if path[-1] in inner.model_fields]
    if elsewhere:
        return f"Did you mean {' or '.join(elsewhere)}?"
    return f"Known keys here: {', '.join(siblings)}"


def _keys_below(kind: type[Settings], path: tuple[str, ...]) -> list[str]:
    """The keys of the section at a path."""
    parts = iter(path)
    for part in parts:
        field = kind.model_fields[part]
        entry = listed_section(field.annotation)
        if entry is not None or get_origin(field.annotation) is dict:
            next(parts, None)  # the index or key of an entry
        kind = entry or section_of(field) or kind
    return list(kind.model_fields)
