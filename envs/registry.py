"""Registries of parts by name: how a config names a part, and how you add your own.

A registry holds the parts of one kind (seekers, heads, judges, ...) by name. A part that nobody registered can be named
as ``module:attribute``: the module is imported from Python's path or the working directory, so an own part needs no
change of this project.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Generic, TypeVar, cast

from typing_extensions import get_protocol_members

from envs.errors import ConfigError

T = TypeVar("T")
P = TypeVar("P")


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

    def extended(self, parts: dict[str, T | str]) -> Registry[T]:
        """Another registry with these parts and further ones; this one stays as it is.

        Raises:
            ConfigError: as ``register``.
        """
        more = Registry(self.kind, self._parts)
        for name, part in parts.items():
            more.register(name, part)
        return more

    def names(self) -> list[str]:
        """The registered names, in the order of registration."""
        return list(self._parts)

    def check(self, name: str) -> str:
        """The name itself, when it is registered or has the form ``module:attribute``; nothing is imported.

        Raises:
            ConfigError: no part of that name; the nearest one is named.
        """
        if name in self._parts or is_own(name):
            return name
        near = get_close_matches(name, self._parts, n=1)
        known = f" Known: {', '.join(self._parts)}." if self._parts else ""
        hint = f" Did you mean {near[0]}?" if near else known
        raise ConfigError(f"no {self.kind} {name!r}.{hint} An own one is named as module:attribute")

    def get(self, name: str) -> T:
        """The part of a name, or the attribute that ``module:attribute`` names.

        Raises:
            ConfigError: no such part, module or attribute.
        """
        part = self._parts.get(self.check(name), name)
        return cast(T, _imported(self.kind, part)) if isinstance(part, str) else part


def is_own(name: str) -> bool:
    """Whether a name has the form ``module:attribute``, which names a part that is not registered."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def build(registry: Registry[Callable[..., P]], name: str, protocol: type[Any], *inputs: object) -> P:
    """Make the part of a name: call its class or function.

    Args:
        registry: knows the name.
        name: a registered one, or ``module:attribute``.
        protocol: the ``typing.Protocol`` that the part follows.
        inputs: what its class or function is called with.

    Raises:
        ConfigError: there is no such part; its class or function takes other inputs; or the part lacks a member of the
            protocol.
    """
    part = call(registry, name, *inputs)
    require_members(registry.kind, name, part, protocol)
    return part


def call(registry: Registry[Callable[..., T]], name: str, *inputs: object) -> T:
    """What the function of a name returns, or the instance that its class makes.

    Raises:
        ConfigError: there is no such part, or its class or function takes other inputs.
    """
    maker = registry.get(name)
    if not callable(maker):
        raise ConfigError(f"{registry.kind} {name}: a {type(maker).__name__} stands there, no class or function")
    taken = inspect.signature(maker)
    try:
        taken.bind(*inputs)
    except TypeError as error:
        wanted = ", ".join(type(value).__name__ for value in inputs)
        raise ConfigError(f"{registry.kind} {name} takes {taken}, but is called with ({wanted}): {error}") from error
    return maker(*inputs)


def require_members(kind: str, name: str, part: object, protocol: type[Any]) -> None:
    """Refuse a part that lacks something of its protocol.

    Args:
        kind: what the part is, for the message.
        name: what names it.
        part: an instance or a class.
        protocol: the ``typing.Protocol`` that it follows.

    Raises:
        ConfigError: it lacks a method or attribute; all of them are named.
    """
    members = get_protocol_members(protocol)
    if isinstance(part, type):
        members = {member for member in members if hasattr(protocol, member)}  # without what ``__init__`` sets
    missing = sorted(member for member in members if not hasattr(part, member))
    if missing:
        made = part.__name__ if isinstance(part, type) else type(part).__name__
        raise ConfigError(f"{kind} {name}: {made} has no {', '.join(missing)}, which every {kind} has")


def _imported(kind: str, path: str) -> object:
    module, _, attribute = path.partition(":")
    if (folder := os.getcwd()) not in sys.path:
        sys.path.append(folder)  # an installed command has its own folder on the path instead, a worker its package's
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
