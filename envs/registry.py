"""Registries of parts by name: how a config names a part, and how you add your own.

A registry holds the parts of one kind (seekers, heads, judges, ...) by name. A part that is not registered can be named
as ``module:attribute``. The module is imported from Python's path, so your own part needs no change of this project.
"""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from typing import Generic, TypeVar, cast

from envs.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """The parts of one kind by name.

    A part is registered as an object, or as the ``module:attribute`` that defines it. The second form imports nothing
    until somebody asks for the part, so names can be checked without loading the parts.
    """

    def __init__(self, kind: str, parts: dict[str, T | str] | None = None) -> None:
        """Begin a registry.

        Args:
            kind: what the parts are, for messages, e.g. ``seeker``.
            parts: first parts by name.
        """
        self.kind = kind
        self._parts: dict[str, T | str] = {}
        for name, part in (parts or {}).items():
            self.register(name, part)

    def register(self, name: str, part: T | str) -> None:
        """Add a part under a name.

        Raises:
            ConfigError: the name is taken by another part, or holds a colon.
        """
        if ":" in name:
            raise ConfigError(f"{self.kind} {name!r}: a name holds no colon; that form names module:attribute")
        if self._parts.setdefault(name, part) is not part and self._parts[name] != part:
            raise ConfigError(f"there is a {self.kind} {name!r} already. Register yours under another name")

    def names(self) -> list[str]:
        """The registered names, in the order of registration."""
        return list(self._parts)

    def check(self, name: str) -> str:
        """The name itself, when it is registered or has the form ``module:attribute``; nothing is imported.

        Raises:
            ConfigError: no part of that name; the nearest one is named.
        """
        if name in self._parts or _is_path(name):
            return name
        near = get_close_matches(name, self._parts, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(self._parts)}"
        raise ConfigError(f"no {self.kind} {name!r}. {hint} An own one is named as module:attribute")

    def get(self, name: str) -> T:
        """The part of a name, or the attribute that ``module:attribute`` names.

        Raises:
            ConfigError: no such part, module or attribute.
        """
        part = self._parts.get(self.check(name), name)
        return cast(T, _imported(self.kind, part)) if isinstance(part, str) else part


def _is_path(name: str) -> bool:
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def _imported(kind: str, path: str) -> object:
    module, _, attribute = path.partition(":")
    try:
        value: object = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing != module and not module.startswith(f"{missing}."):
            raise
        raise ConfigError(
            f"{kind} {path}: no module {missing}. Put its file into the working directory, or its folder on PYTHONPATH"
        ) from error
    for name in attribute.split("."):
        if not hasattr(value, name):
            raise ConfigError(f"{kind} {path}: module {module} has no {attribute}")
        value = getattr(value, name)
    return value
