"""Where ReDial's files come from: a zip read in place, an unpacked folder, or an address that is downloaded once."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from envs.corpora.download import Progress, download
from envs.errors import DataError
from envs.files import user_path
from envs.inputs.text import decoded_file, on_one_line

OFFICIAL_ADDRESS = "https://github.com/ReDialData/website/raw/data/redial_dataset.zip"
"""The download that ReDial's site links to (Li et al., NeurIPS 2018; CC BY 4.0)."""

TRAIN, TEST, FILMS = "train_data.jsonl", "test_data.jsonl", "movies_with_mentions.csv"
"""The files of a ReDial folder or zip."""


@dataclass(frozen=True)
class SourceFile:
    """One file that was read: its path (``archive.zip:member`` inside an archive) and its bytes."""

    origin: str
    content: bytes

    @property
    def text(self) -> str:
        """What the file says.

        Raises:
            DataError: it is no text; file and line are named.
        """
        return decoded_file(self.content, self.origin)

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines that are not blank, with their 1-based numbers; only a line feed ends a line.

        Raises:
            DataError: the file is no text.
        """
        for number, line in enumerate(self.text.split("\n"), start=1):
            if line.strip():
                yield number, line


@dataclass(frozen=True)
class RedialFiles:
    """ReDial's three files."""

    train: SourceFile
    test: SourceFile
    films: SourceFile


def read_files(source: str, cache: Path, on_progress: Progress | None = None) -> RedialFiles:
    """Read ReDial's files.

    Args:
        source: ``official``, an http(s) address of a zip, a zip file, or a folder.
        cache: folder that keeps downloads; a file in it is used without a network.
        on_progress: called with a download's bytes: (received, total).

    Raises:
        DataError: nothing is there, a file is missing, or the archive is not a ReDial zip.
    """
    address = OFFICIAL_ADDRESS if source == "official" else source
    if address.startswith(("http://", "https://")):
        return _read_address(address, cache, on_progress)
    path = user_path(source)
    if path.is_dir():
        return RedialFiles(*(_read_plain(path / name) for name in (TRAIN, TEST, FILMS)))
    if path.is_file():
        return _read_zip(path)
    raise DataError(
        "there is no such file or folder",
        file=source,
        remedy="data.source takes sample, official, a ReDial zip, an unpacked folder, or hf:owner/name.",
    )


def _read_address(address: str, cache: Path, on_progress: Progress | None) -> RedialFiles:
    """Download once and read; remove a file that is not a ReDial zip from the cache."""
    key = hashlib.sha256(address.encode()).hexdigest()[:12]
    target = cache / "downloads" / key / (PurePosixPath(address).name or "download")
    download(address, target, on_progress=on_progress)
    try:
        return _read_zip(target)
    except DataError as error:
        target.unlink(missing_ok=True)
        raise DataError(
            f"{address} did not give a ReDial zip ({error.what})",
            file=target,
            remedy="The file was removed from the cache: try again, or give the path of a good copy as the source.",
        ) from error


def _read_plain(path: Path) -> SourceFile:
    try:
        return SourceFile(str(path), path.read_bytes())
    except FileNotFoundError:
        raise DataError(
            "the file is missing", file=path, remedy=f"A ReDial folder holds {TRAIN}, {TEST} and {FILMS}."
        ) from None
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror})", file=path, remedy="Check its access.") from error


def _read_zip(path: Path) -> RedialFiles:
    """Read the members in place; nothing is extracted."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            for name in names:
                _refuse_escape(path, name)
            return RedialFiles(*(_read_member(path, archive, names, name) for name in (TRAIN, TEST, FILMS)))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:  # a later version; a name that is no text
        raise DataError(f"not a whole zip file ({error})", file=path, remedy="Fetch the archive again.") from error
    except OSError as error:
        raise DataError(
            f"the archive cannot be read ({error.strerror})", file=path, remedy="Check its access."
        ) from error


def _refuse_escape(path: Path, name: str) -> None:
    """Refuse an archive with a member that would be unpacked outside the target folder."""
    parts = _parts(name)
    if parts[0] == "" or parts[0].endswith(":") or ".." in parts:
        raise DataError(
            f"member {on_one_line(name)} leads out of the archive",
            file=path,
            remedy="Use the official archive; this one is unsafe.",
        )


def _parts(name: str) -> list[str]:
    """The folders and the file name of a member; old Windows tools write backslashes between them."""
    return name.replace("\\", "/").split("/")


def _read_member(path: Path, archive: zipfile.ZipFile, names: list[str], wanted: str) -> SourceFile:
    """Read the member with this file name, at the top or in a folder; macOS's shadow files are ignored."""
    members = [name for name in names if _parts(name)[-1] == wanted and _parts(name)[0] != "__MACOSX"]
    if len(members) != 1:
        held = ", ".join(map(on_one_line, members or names[:6])) or "nothing"
        raise DataError(
            f"the archive must hold {wanted} once; it holds {held}",
            file=path,
            remedy=f"A ReDial zip holds {TRAIN}, {TEST} and {FILMS}.",
        )
    origin = f"{path}:{on_one_line(members[0])}"
    try:
        return SourceFile(origin, archive.read(members[0]))
    except (zlib.error, lzma.LZMAError, OSError, RuntimeError, EOFError) as error:
        # OSError: of bz2; RuntimeError: encrypted, or another method
        raise DataError(
            f"the member cannot be unpacked ({error})", file=origin, remedy="Fetch the archive again."
        ) from error
