"""Download a file into a cache folder; an interrupted download is resumed, and a complete file never fetched again."""

from __future__ import annotations

import http.client
import logging
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from envs.errors import DataError
from envs.inputs.numbers import whole_number
from envs.inputs.text import quoted

_LOG = logging.getLogger(__name__)
_CHUNK = 1 << 16
_TIMEOUT_S = 30.0
_ATTEMPTS = 4
_MOST_BYTES = 10**18 - 1
"""More than any disk holds."""
_COMPLETE = 416
"""HTTP status of a range that starts at the file's end: every byte was fetched before."""

_LOGIN = re.compile(r"//[^/?#]*@")
"""The user's name and password in an address."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes received and the file's size in bytes; the size is None if the server does not send it."""


def download(address: str, target: Path, *, pause_s: float = 1.0, on_progress: Progress | None = None) -> Path:
    """Fetch ``address`` into ``target`` unless ``target`` is there already.

    Bytes go to ``target`` with ``.part`` added, which is renamed when it is complete. An interrupted download is
    resumed by an HTTP range, within this call (4 attempts) and in later ones.

    Args:
        address: an http or https address.
        target: the file to make; its folder is created.
        pause_s: seconds before the second attempt; doubled before each further one.
        on_progress: called after each piece.

    Returns:
        ``target``.

    Raises:
        DataError: the address is none or holds a name and password, cannot be reached, refuses, or stops short every
            time.
    """
    if _LOGIN.search(address):
        raise DataError(
            f"cannot download {_LOGIN.sub('//…@', address)}: an address with a name and password is not taken",
            remedy="Fetch the file by other means and give its path as the source.",
        )
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    reason = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        try:
            if _fetch(address, part, on_progress):
                part.replace(target)
                return target
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            reason = f"the server answered {error.code} {error.reason}"
            if error.code < 500:
                break
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
        except ValueError as error:  # no address, or a size that is no number
            reason = str(error)
            break
        _LOG.info("download of %s stopped (%s), attempt %d of %d", address, reason, attempt + 1, _ATTEMPTS)
    kept = f"; {part.stat().st_size} bytes are kept in {part}" if part.exists() else ""
    raise DataError(
        f"cannot download {address}: {reason}{kept}",
        remedy="With a network, run the command again: it goes on from what is kept. Without one, fetch the file by "
        "other means and give its path as the source.",
    )


def _fetch(address: str, part: Path, on_progress: Progress | None) -> bool:
    """Append the missing bytes to ``part`` in one attempt; return whether it is complete."""
    held = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "ecr-rl"} | ({"Range": f"bytes={held}-"} if held else {})
    try:
        response = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != _COMPLETE or not held:
            raise
        if _whole_size(error.headers.get("Content-Range")) == held:
            return True
        part.unlink()  # longer than the file, or a part of another file: begin again
        return False
    with response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        if resumed and _range_start(response.headers.get("Content-Range")) != held:
            part.unlink()
            return False
        length = response.headers.get("Content-Length")
        at_hand = held if resumed else 0
        size = whole_number(length or "", _MOST_BYTES)
        if length is not None and size is None:
            raise ValueError(f"Content-Length is {quoted(length)}, no size")
        whole = None if size is None else at_hand + size
        with part.open("ab" if resumed else "wb") as sink:
            while piece := response.read(_CHUNK):
                at_hand += sink.write(piece)
                if on_progress is not None:
                    on_progress(at_hand, whole)
    return whole is None or at_hand == whole


def _range_start(content_range: str | None) -> int | None:
    """The first byte of ``bytes 100-199/200``; None where the header does not say it."""
    first = (content_range or "").removeprefix("bytes ").partition("-")[0]
    return whole_number(first, _MOST_BYTES)


def _whole_size(content_range: str | None) -> int | None:
    """The file's size in ``bytes 100-199/200`` or ``bytes */200``; None where the header does not say it."""
    size = (content_range or "").rpartition("/")[2]
    return whole_number(size, _MOST_BYTES)
