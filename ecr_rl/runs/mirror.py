"""A copy of a run folder at an address that pyarrow can open: ``s3://``, ``gs://``, ``file://``.

The run works on a local disk; changes are sent at each checkpoint, finished stage and end. The copy's list of files,
``mirror.json``, is written last, so it names complete files only. Only files in this list are ever removed. Other
processes may change the folder meanwhile: a file that disappears before it is read counts as deleted.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Any
from urllib.parse import urlsplit

from pyarrow import ArrowException
from pyarrow.fs import FileSystem, FileType

from envs.errors import ConfigError, RunError
from envs.files import new_folder

LISTING = "mirror.json"
_CHUNK = 1 << 20
"""Files are copied in pieces of this many bytes."""
_UNSENT = (".lock", LISTING)


class Mirror:
    """The copy of one folder."""

    def __init__(self, address: str) -> None:
        """Open the address; nothing is sent.

        Raises:
            ConfigError: pyarrow does not know the address, or the address holds a user and password.
        """
        parts = urlsplit(address)
        if "@" in parts.netloc:
            raise ConfigError(
                f"mirror {parts.scheme}://...@{parts.hostname}: an address is written into files; give user and "
                "password by the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        if not parts.scheme:
            raise ConfigError(f"mirror {address}: write it as an address, such as s3://bucket/runs/demo")
        try:
            self._files, self._root = FileSystem.from_uri(address)
        except (ArrowException, OSError, ValueError) as error:
            raise ConfigError(f"mirror {address}: {_first_line(error)}") from error
        self.address = address
        self._sent: dict[str, list[int]] | None = None

    def exists(self) -> bool:
        """Whether the address holds a copy."""
        return self._files.get_file_info(self._address(LISTING)).type == FileType.File

    def push(self, folder: Path) -> int:
        """Send all files that changed since the last call, and remove deleted ones; return the number of sent files.

        Raises:
            RunError: the address cannot be written.
        """
        try:
            return self._push(folder)
        except (ArrowException, OSError) as error:
            raise RunError(
                f"{self.address} cannot be written: {_first_line(error)}. The run folder itself is whole"
            ) from error

    def pull(self, folder: Path) -> None:
        """Fetch the copy into a new folder, atomically.

        Raises:
            RunError: there is no copy, or the folder exists.
        """
        if folder.exists():
            raise RunError(f"{folder} exists. Name a folder that is to be made")
        try:
            names = [_within(name) for name in self._listing()]
            if not names:
                raise RunError(f"{self.address}: no run folder was sent there")
            with new_folder(folder.absolute()) as aside:
                for name in names:
                    target = aside / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with self._files.open_input_stream(self._address(name)) as source, target.open("wb") as stream:
                        shutil.copyfileobj(source, stream, _CHUNK)
        except (ArrowException, OSError) as error:
            raise RunError(f"{self.address} cannot be read: {_first_line(error)}") from error

    def _push(self, folder: Path) -> int:
        sent = self._listing() if self._sent is None else self._sent
        now = _states(folder)
        changed = [name for name, state in now.items() if sent.get(name) != state]
        vanished = {name for name in changed if not self._send(folder / name, self._address(name))}
        now = {name: state for name, state in now.items() if name not in vanished}
        if now != sent:
            with self._files.open_output_stream(self._address(LISTING)) as stream:
                stream.write(json.dumps(now).encode())
        for name in sent.keys() - now.keys():
            self._files.delete_file(self._address(_within(name)))
        self._sent = now
        return len(changed) - len(vanished)

    def _send(self, file: Path, address: str) -> bool:
        """Copy a file; return False if it is deleted."""
        try:
            source = file.open("rb")
        except FileNotFoundError:
            return False
        self._files.create_dir(str(PurePosixPath(address).parent), recursive=True)
        with source, self._files.open_output_stream(address) as stream:
            shutil.copyfileobj(source, stream, _CHUNK)
        return True

    def _listing(self) -> dict[str, list[int]]:
        if not self.exists():
            return {}
        with self._files.open_input_stream(self._address(LISTING)) as stream:
            state: Any = json.loads(stream.read())
        return state

    def _address(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _states(folder: Path) -> dict[str, list[int]]:
    """Size in bytes and time of change in ns of a folder's files, by their relative paths."""
    states: dict[str, list[int]] = {}

    def refuse(error: OSError) -> None:
        """Raise for a folder that cannot be listed, so that its copy stays; ignore a sub-folder that is deleted."""
        if not isinstance(error, FileNotFoundError) or Path(error.filename) == folder:
            raise error

    for address, _, names in os.walk(folder, onerror=refuse):
        for file in (Path(address, name) for name in names if name not in _UNSENT):
            with suppress(FileNotFoundError):
                state = file.stat()
                if S_ISREG(state.st_mode):
                    states[file.relative_to(folder).as_posix()] = [state.st_size, state.st_mtime_ns]
    return states


def _within(name: str) -> str:
    """The name of a file in a folder; refuse a name that leads out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise RunError(f"the copy lists {name!r}, which leads out of its folder: somebody changed it")
    return name


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
