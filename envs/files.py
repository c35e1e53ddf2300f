"""Paths as users write them, and atomic writing: what is written gets its own name when it is complete."""

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
from envs.inputs.text import quoted, whole


def user_path(written: str | Path) -> Path:
    """A path that a user wrote, with ``~`` or ``~NAME`` at its start replaced by that home folder.

    Raises:
        ConfigError: there is no such user.
    """
    try:
        return Path(written).expanduser()
    except RuntimeError as error:
        start = quoted(Path(written).parts[0])
        raise ConfigError(
            f"{written}: {start} is no user's home folder. Write ./ before it, or the whole path"
        ) from error


@contextmanager
def new_folder(target: Path, prefix: str | None = None) -> Iterator[Path]:
    """Give a temporary folder to fill, and rename it to ``target`` at the end; delete it if filling it fails.

    Args:
        target: the folder's path; it must be missing or empty. Its parent is made.
        prefix: of the temporary folder's name, in the same parent; ``.NAME.`` by default.

    Raises:
        ConfigError: a folder cannot be made there.
        OSError: ``target`` is not empty at the end.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=prefix or f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ConfigError(f"{target} cannot be made: {error.strerror}. Choose another folder") from error
    try:
        yield aside
        aside.chmod(0o755)  # mkdtemp lets only the owner read
        aside.rename(target)
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
    """Write UTF-8 text to ``path`` atomically; half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD."""
    write_bytes(path, whole(content).encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON to ``path`` atomically: see ``json_text``."""
    write_text(path, json_text(value, indent=2) + "\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """A value as JSON that UTF-8 can hold; NaN is refused (ValueError).

    Half of a surrogate pair, as in a file's name that is no UTF-8, is written as its escape and comes back as it was.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
