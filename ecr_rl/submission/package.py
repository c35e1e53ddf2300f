"""The package of a working directory that goes to the cluster: its files and its size.

Ray packs and uploads it (``working_dir`` and ``excludes`` of the runtime environment). This module applies Ray's own
rules first, so that the size is known before the upload.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from envs.errors import ConfigError

EXCLUDES = (
    "/data/",
    "/runs/",
    ".venv/",
    "venv/",
    ".pytest_cache/",
    ".ruff_cache/",
    ".hypothesis/",
    "*.egg-info/",
    "*.zip",
    ".env",
    "*.pem",
    "auth_token",
)
"""Data, runs, environments, caches and secrets, in the syntax of ``.gitignore``; they are not uploaded."""

_MARKS = {"pyvenv.cfg", "run.json"}
"""A folder with such a file is an environment or a run; it is always left out."""
_PER_FILE = 200
"""Bytes of a zip's headers for one file, without its name, which is stored twice."""
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Package:
    """A working directory as it will be packed.

    Attributes:
        folder: the working directory, absolute.
        files: bytes of each packed file by its path inside the folder.
        excludes: patterns of files to leave out, for Ray.
    """

    folder: Path
    files: Mapping[str, int]
    excludes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Size of the package in bytes; Ray's zip does not compress files."""
        return sum(size + 2 * len(name.encode()) + _PER_FILE for name, size in self.files.items())

    def holds(self, path: Path) -> bool:
        """Whether the package contains the file or folder of an absolute path."""
        if not path.is_relative_to(self.folder):
            return False
        inside = path.relative_to(self.folder).as_posix()
        return inside in self.files or any(name.startswith(f"{inside}/") for name in self.files)

    def runtime_env(self) -> dict[str, Any]:
        """The job's runtime environment."""
        return {"working_dir": str(self.folder), "excludes": list(self.excludes)}


def package_of(folder: Path, more_excludes: Sequence[str] = ()) -> Package:
    """Find the files of a folder that would be packed.

    Args:
        folder: the working directory; its ``.gitignore`` and ``.rayignore`` files are respected.
        more_excludes: further patterns to leave out.

    Raises:
        ConfigError: there is no such folder, or the package is too large for Ray's job server; the message names the
            largest parts.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder. --working-dir takes the one that holds ecr_rl and the configs")
    folder = Path(os.path.abspath(folder))
    excludes = (*EXCLUDES, *more_excludes)
    files = _packed_files(folder, excludes)
    marked = {str(PurePosixPath(name).parent) for name in files if PurePosixPath(name).name in _MARKS} - {"."}
    files = {name: size for name, size in files.items() if not _below(name, marked)}
    package = Package(folder, files, (*excludes, *sorted(f"/{name}/" for name in marked)))
    if package.bytes > upload_limit():
        raise ConfigError(_too_large(package))
    return package


def upload_limit() -> int:
    """Bytes of the largest package that Ray accepts: the job server's limit on a request, or the store's."""
    from ray._private import ray_constants
    from ray._private.runtime_env.packaging import GCS_STORAGE_MAX_SIZE

    return min(ray_constants.DASHBOARD_CLIENT_MAX_SIZE, GCS_STORAGE_MAX_SIZE)


def _packed_files(folder: Path, excludes: Sequence[str]) -> dict[str, int]:
    """Files and their bytes by Ray's own rules, which are private in Ray; our requirements pin Ray's version."""
    from ray._private.ray_constants import RAY_RUNTIME_ENV_IGNORE_GITIGNORE, get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import _dir_travel, _get_excludes

    sizes: dict[str, int] = {}

    def note(path: Path) -> None:
        if path.is_file():
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size

    quiet = logging.getLogger(f"{__name__}.ray")
    quiet.setLevel(logging.WARNING)
    respected = os.environ.get(RAY_RUNTIME_ENV_IGNORE_GITIGNORE, "0") != "1"
    without = _get_excludes(folder, [*get_runtime_env_default_excludes(), *excludes])
    _dir_travel(folder, [without], note, include_gitignore=respected, logger=quiet)
    return sizes


def _below(name: str, folders: set[str]) -> bool:
    return any(str(parent) in folders for parent in PurePosixPath(name).parents)


def _too_large(package: Package) -> str:
    parts: Counter[str] = Counter()
    for name, size in package.files.items():
        parts["/".join(PurePosixPath(name).parts[:2])] += size
    largest = ", ".join(f"{name} ({size / MIB:.1f} MiB)" for name, size in parts.most_common(3))
    return (
        f"{package.folder} packs to {package.bytes / MIB:.1f} MiB, and Ray's job server takes at most "
        f"{upload_limit() / MIB:.0f} MiB. Largest: {largest}. Leave them out with --exclude PATTERN or a line in "
        ".gitignore, and name by path what the nodes see on a shared disk"
    )
