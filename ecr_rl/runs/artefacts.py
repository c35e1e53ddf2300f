"""Trained parts that runs share, in a cache; a part's folder is named by the hash of everything that decides it.

    <cache>/<kind>-<hash12>/    the part's files, and key.json: its key, the time it was made, and its figures

A part is built in a temporary folder that is renamed at the end, so an interrupted build never looks finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ecr_rl.runs.source_closure import PACKAGES, source_hash
from envs.builtin_heads import heads_of
from envs.errors import ConfigError, ModelError
from envs.files import new_folder, user_path, write_json
from envs.heads import Head

KEY = "key.json"
RECOMMENDER = "recommender"
"""Sub-folder of a policy's folder for a film recommender that PPO has changed."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ArtefactFolders:
    """The folders of the parts that PPO and the evaluation need.

    ``selecting_evaluator`` and ``people_selecting`` are None if the run keeps the last policy; without
    ``people_reporting`` no people's score is reported.
    """

    critic: Path
    reporting_evaluator: Path
    recommender: Path
    responder: Path
    selecting_evaluator: Path | None = None
    people_selecting: Path | None = None
    people_reporting: Path | None = None


@dataclass(frozen=True, slots=True)
class Artefact:
    """A finished part: its folder, the figures of its training, and whether it was in the cache before."""

    folder: Path
    figures: Mapping[str, Any]
    cached: bool


class ArtefactCache:
    """Finds parts by their keys, and builds those that are missing."""

    def __init__(self, folder: Path) -> None:
        """Use this cache folder; the first build creates it."""
        self._folder = folder

    def folder(self, kind: str, key: Mapping[str, Any]) -> Path:
        """The folder of the part with this kind and key, whether it exists or not."""
        return self._folder / f"{kind}-{key_hash(key)[:12]}"

    def find(self, kind: str, key: Mapping[str, Any]) -> Artefact | None:
        """The finished part; None if the cache does not have it.

        Raises:
            ModelError: its ``key.json`` is unreadable, or another key has the same short hash.
        """
        folder = self.folder(kind, key)
        if not folder.is_dir():
            return None
        try:
            record = json.loads((folder / KEY).read_text(encoding="utf-8"))
            if record["hash"] == key_hash(key):
                return Artefact(folder, record["figures"], cached=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder / KEY} is damaged ({error}). Delete the folder; it is built anew") from error
        raise ModelError(f"{folder} was made from another key. Delete it, or set another cache folder")

    def build(self, kind: str, key: Mapping[str, Any], builder: Callable[[Path], Mapping[str, Any]]) -> Artefact:
        """The part; ``builder`` builds it if it is missing. Of concurrent builders the first wins.

        Args:
            kind: names the folder, e.g. ``critic``.
            key: everything that decides the part (JSON values).
            builder: fills the empty folder that it gets, and returns the part's figures (JSON values).
        """
        part = self.find(kind, key)
        if part is not None:
            return part
        folder = self.folder(kind, key)
        with self.only_builder(folder):
            return self.find(kind, key) or self._build(kind, key, builder, folder)

    def _build(
        self, kind: str, key: Mapping[str, Any], builder: Callable[[Path], Mapping[str, Any]], folder: Path
    ) -> Artefact:
        begun = time.monotonic()
        try:
            with new_folder(folder, _aside_prefix(folder)) as aside:
                figures = dict(builder(aside))
                record = {
                    "kind": kind,
                    "hash": key_hash(key),
                    "key": dict(key),
                    "built": datetime.now().astimezone().isoformat(timespec="seconds"),
                    "seconds": round(time.monotonic() - begun, 1),
                    "figures": figures,
                }
                write_json(aside / KEY, record)
        except OSError:
            if not folder.is_dir():
                raise
            # A builder on another machine was first: the lock holds on one machine only.
        part = self.find(kind, key)
        if part is None:
            raise ModelError(f"{folder} vanished while it was being built; do not clean the cache during a run")
        return Artefact(part.folder, part.figures, cached=False)

    @contextmanager
    def only_builder(self, folder: Path) -> Iterator[None]:
        """Let one process of this machine build a part while others wait; remove what killed builders left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f".{folder.name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.info("waiting for another process that builds %s", folder)
                fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self._folder.glob(f"{_aside_prefix(folder)}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield


def key_hash(key: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a key; the order of its entries does not matter."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def head_versions(names: Iterable[str]) -> list[dict[str, Any]]:
    """What decides labels of heads, for a key; the code of built-in formulas is the builder's own.

    Args:
        names: as ``envs.builtin_heads.heads_of`` takes them.
    """
    return [
        {
            "name": head.name,
            "judged": head.judged,
            "higher_is_better": head.higher_is_better,
            "rubric": head.rubric if _is_ours(head.rubric) else source_hash(head.rubric),
        }
        for head in heads_of(tuple(names))
    ]


def require_heads(card: Path, heads: Sequence[Head], given: str) -> None:
    """Refuse a folder that scores other heads than the run.

    Args:
        card: JSON of the folder, which names its heads under ``heads``.
        heads: of the run.
        given: the setting that names the folder, for the message.

    Raises:
        ConfigError: it does.
    """
    facts = json.loads(card.read_text(encoding="utf-8"))
    theirs = [*facts.get("heads", []), *facts.get("without_labels", [])]
    ours = [head.name for head in heads]
    if set(theirs) != set(ours):
        raise ConfigError(
            f"{given} scores {', '.join(theirs)}; the run scores {', '.join(ours)}. Set heads to what the folder scores"
        )


def _is_ours(rubric: object) -> bool:
    return isinstance(rubric, str) and rubric.partition(".")[0] in PACKAGES


def model_version(source: str) -> str:
    """A model's or data set's identity for a key: its name, and the content hash of a local file or folder.

    Sub-folders count: a responder's folder holds planner and recommender. A model that is copied, moved or touched
    stays the same model.
    """
    folder = user_path(source)
    if folder.is_file():
        return _content(folder)
    return content_hash(folder) if folder.is_dir() else source


def content_hash(folder: Path, leave_out: Sequence[str] = ()) -> str:
    """SHA-256 (hex) of the names and contents of all files in a folder; file times do not count.

    Args:
        folder: read with all its sub-folders.
        leave_out: names of files and folders directly in it that do not count.
    """
    files = _files(folder).items()
    return key_hash({name: _content(file) for name, file in files if name.partition("/")[0] not in leave_out})


def stat_hash(folder: Path) -> str:
    """SHA-256 (hex) of the names, sizes and times of all files in a folder; it is quick, and every write changes it."""
    stats = {name: file.stat() for name, file in _files(folder).items()}
    return key_hash({name: [stat.st_size, stat.st_mtime_ns, stat.st_ino] for name, stat in stats.items()})


def _files(folder: Path) -> dict[str, Path]:
    return {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}


def _content(file: Path) -> str:
    """The sha256 (hex) of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _aside_prefix(folder: Path) -> str:
    return f".{folder.name}.{socket.gethostname()}."
