"""Writing files so that a reader never sees half of one: a temporary name, then a rename."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envs.errors import ConfigError


@contextmanager
def new_folder(place: Path, prefix: str | None = None) -> Iterator[Path]:
    """A folder to fill that becomes ``place`` at the end; nothing is left where filling it fails.

    Args:
        place: must not hold anything; its parent is made.
        prefix: of the name that the folder has while it is filled, beside ``place``; ``.NAME.`` by default.

    Raises:
        ConfigError: there can be no folder there.
        OSError: ``place`` holds something at the end.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=prefix or f".{place.name}.", dir=place.parent))
    except OSError as error:
        raise ConfigError(f"{place} cannot be made: {error.strerror}. Choose another folder") from error
    try:
        yield aside
        aside.chmod(0o755)  # mkdtemp's is for the owner alone
        aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically; the parent folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text to ``path`` atomically."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path`` atomically; NaN is refused (ValueError)."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
