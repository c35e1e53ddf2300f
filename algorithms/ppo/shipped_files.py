"""Send files and folders to workers on other machines, through Ray's object store.

A shipped file has the same absolute path on every machine. Code that needs it calls ``deliver`` first, which fetches
nothing if the path exists already, as on a shared disk.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import ray

from envs.files import new_folder, write_bytes


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """A file or folder with its content.

    Attributes:
        path: absolute; the same everywhere.
        content: Ray's reference to a file's bytes, or to a folder's as an uncompressed tar.
        folder: whether it is a folder.
    """

    path: Path
    content: ray.ObjectRef
    folder: bool


def pack(paths: Iterable[Path]) -> tuple[ShippedFile, ...]:
    """Put files and folders into the object store; they stay there as long as the shipped files are held."""
    return tuple(_pack(path.absolute()) for path in paths)


def deliver(shipped_files: Iterable[ShippedFile]) -> None:
    """Write the shipped files that are missing on this machine; if several processes do so at once, the first wins."""
    for shipped_file in shipped_files:
        if not shipped_file.path.exists():
            try:
                _unpack(shipped_file)
            except OSError:
                if not shipped_file.path.exists():
                    raise


def _pack(path: Path) -> ShippedFile:
    if path.is_file():
        return ShippedFile(path, ray.put(path.read_bytes()), folder=False)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(path, arcname=".")
    return ShippedFile(path, ray.put(content.getvalue()), folder=True)


def _unpack(shipped_file: ShippedFile) -> None:
    content = ray.get(shipped_file.content)
    if not shipped_file.folder:
        write_bytes(shipped_file.path, content)
        return
    with new_folder(shipped_file.path) as aside, tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(aside, filter="data")
