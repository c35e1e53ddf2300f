"""The pinned parts of one run: a resumed run uses exactly the parts that it began with.

``artefacts.json`` in the run folder names each part's folder and the hash of its content when the run pinned it. A run
that is resumed, evaluated or read again uses these folders as long as their content is the same, even if the code has
changed. A part that is not pinned yet is found or built by its key, then pinned.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from ecr_rl.runs.artefacts import KEY, ArtefactCache, content_hash, stat_hash
from envs.errors import RunError
from envs.files import write_json

PINS = "artefacts.json"
_NOT_CONTENT = (KEY, "evaluation")
"""Files of a part's folder that its hash leaves out: its key file, and a report that is written later."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pin:
    """A run's record of one of its parts.

    Attributes:
        folder: the part's folder when the run pinned it.
        cached: whether the part existed before the run.
        figures: of its training (JSON values).
        sha256: of the folder's content.
        stat: hash of its files' names, sizes and times; while it is unchanged, no file is read.
        host: the machine that the folder is on.
    """

    folder: str
    cached: bool
    figures: Mapping[str, Any]
    sha256: str
    stat: str
    host: str


class RunParts:
    """The parts of a run folder."""

    def __init__(self, run: Path, cache: Path) -> None:
        """Read the pinned parts.

        Args:
            run: the run folder.
            cache: where missing parts are built.

        Raises:
            RunError: the list of pinned parts is damaged.
        """
        self._run, self._cache = run, ArtefactCache(cache)
        self._cache_folder = cache
        self._held: dict[str, Path] = {}
        self._pins = _read(run / PINS)

    def folder(self, kind: str) -> Path | None:
        """The folder of a pinned part.

        None if the part is not pinned, or if it was pinned on another machine and this machine has no copy.

        Raises:
            RunError: the folder was on this machine and is deleted, or its content has changed.
        """
        if kind not in self._held:
            pin = self._pins.get(kind)
            folder = None if pin is None else self._find(kind, pin)
            if folder is None:
                return None
            self._held[kind] = folder
        return self._held[kind]

    def build(self, kind: str, key: Mapping[str, Any], builder: Callable[[Path], Mapping[str, Any]]) -> Path:
        """Find a part in the cache, or build it, and pin it; for parts for which ``folder`` returns None.

        Raises:
            RunError: the run has pinned this part on another machine, and building it here gives another part.
        """
        pin, name = self._pins.get(kind), self._cache.folder(kind, key).name
        if pin is not None and Path(pin.folder).name != name:
            raise RunError(self._elsewhere(kind, pin, f"The code or data of this machine make another one ({name})"))
        part = self._cache.build(kind, key, builder)
        if part.cached:
            log.info("%s: from the cache, %s", kind, part.folder)
        self._pin(kind, part.folder, part.cached, part.figures)
        return part.folder

    def give(self, kind: str, folder: Path) -> Path:
        """Pin a folder that the settings name; it replaces a part that the run would make."""
        self._pin(kind, folder, cached=True, figures={})
        return folder

    def _pin(self, kind: str, folder: Path, cached: bool, figures: Mapping[str, Any]) -> None:
        sha256, before = content_hash(folder, _NOT_CONTENT), self._pins.get(kind)
        if before is not None and before.sha256 != sha256:
            raise RunError(self._elsewhere(kind, before, f"Made anew here, it came out different ({folder})"))
        self._held[kind] = folder
        host = socket.gethostname()
        self._pins[kind] = Pin(str(folder), cached, dict(figures), sha256, stat_hash(folder), host)
        write_json(self._run / PINS, {kind: asdict(pin) for kind, pin in self._pins.items()})

    def _find(self, kind: str, pin: Pin) -> Path | None:
        """The pinned folder, or a copy of it in the run's cache; None if it is on another machine."""
        pinned = Path(pin.folder)
        there = [folder for folder in dict.fromkeys((pinned, self._cache_folder / pinned.name)) if folder.is_dir()]
        for folder in there:
            if pin.stat == stat_hash(folder) or pin.sha256 == content_hash(folder, _NOT_CONTENT):
                return folder
        if there:
            raise RunError(
                f"{self._run}: its {kind} in {there[0]} is not what the run began with (SHA-256 of the files differs "
                f"from {PINS}). Put back that folder as it was, or begin a new run with another --out"
            )
        if pin.host != socket.gethostname():
            return None
        raise RunError(
            f"{self._run}: its {kind} is gone, {pinned} is not there. Put that folder back, there or into "
            f"{self._cache_folder}, or begin a new run with another --out"
        )

    def _elsewhere(self, kind: str, pin: Pin, why: str) -> str:
        return (
            f"{self._run}: its {kind} is on {pin.host}, in {pin.folder}. {why}. Copy that folder into "
            f"{self._cache_folder}, or begin a new run with another --out"
        )


class HasParts(Protocol):
    """An object that makes parts for a run."""

    parts: RunParts


Maker = TypeVar("Maker", bound=HasParts)
Made = TypeVar("Made")


def pinned(kind: str) -> Callable[[Callable[[Maker], Made]], Callable[[Maker], Made | Path]]:
    """Decorate a method that makes a part of this kind, so that it runs only if the run has not pinned the part yet."""

    def mark(make: Callable[[Maker], Made]) -> Callable[[Maker], Made | Path]:
        @wraps(make)
        def folder(self: Maker) -> Made | Path:
            return self.parts.folder(kind) or make(self)

        return folder

    return mark


def _read(file: Path) -> dict[str, Pin]:
    if not file.is_file():
        return {}
    try:
        return TypeAdapter(dict[str, Pin]).validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(
            f"{file} does not say which parts the run began with ({where}: {first['msg']}). Begin a new run with "
            "another --out"
        ) from error
