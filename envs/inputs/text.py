"""Text from outside: bytes decoded, half surrogate pairs replaced, people's words as they wrote them.

A file's fault is refused with file and line. What a model, an endpoint or a command line says is mended: a half of a
surrogate pair, which no UTF-8 can hold, becomes U+FFFD.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from envs.errors import DataError

_BYTE_ORDER_MARKS = (  # UTF-32's marks begin with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters other than a tab and the ends of lines."""
_LONG_REFERENCE = re.compile(r"&#[0-9]{9,};?")
_LINE_END = re.compile("\r\n|\n|\r")
_SHOWN = 60


class UnreadableText(ValueError):
    """Bytes that are no text.

    Attributes:
        what: what is wrong.
        line: 1-based line of the first fault.
    """

    def __init__(self, what: str, line: int) -> None:
        """Keep both parts; the message is ``what``."""
        super().__init__(what)
        self.what, self.line = what, line


def decoded(content: bytes) -> str:
    """The text of bytes: UTF-8, or UTF-16 or UTF-32 with a byte-order mark; the mark is left out.

    Raises:
        UnreadableText: bytes that are not of that encoding, or a NUL character.
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].decode(encoding, "replace").count("\n") + 1
        raise UnreadableText(f"not {encoding.removesuffix('-sig').upper()} text", line) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableText("a NUL character, as in UTF-16 text without a byte-order mark", line)
    return text


def decoded_file(content: bytes, origin: str | Path, remedy: str = "Save it as UTF-8.") -> str:
    """The text of a file's bytes: see ``decoded``.

    Args:
        content: the bytes.
        origin: the file that they are from, for errors.
        remedy: what a user can do if they are no text.

    Raises:
        DataError: they are no text; file and line are named.
    """
    try:
        return decoded(content)
    except UnreadableText as error:
        raise DataError(error.what, file=origin, line=error.line, remedy=remedy) from error


def recoded(content: bytes) -> bytes:
    """Bytes of lines as UTF-8 without a byte-order mark, so that a line feed ends a line.

    UTF-8 is not checked: each line is decoded by itself, and a fault is that line's. JSON in UTF-16 holds zero bytes; a
    mark without any is a fault of the first line.

    Raises:
        UnreadableText: bytes with the mark of UTF-16 or UTF-32 that are not of it.
    """
    mark = next((name for start, name in _BYTE_ORDER_MARKS if content.startswith(start)), None)
    if mark == "utf-8-sig":
        return content.removeprefix(codecs.BOM_UTF8)
    return content if mark is None or b"\0" not in content else decoded(content).encode("utf-8")


def read_text(file: Path, *, remedy: str) -> str:
    """The text of a file: see ``decoded``.

    Args:
        file: the file.
        remedy: what a user can do if it cannot be read.

    Raises:
        DataError: the file cannot be read or is no text; file and line are named.
    """
    return decoded_file(read_bytes(file, remedy=remedy), file, f"Save it as UTF-8. {remedy}")


def read_bytes(file: Path, *, remedy: str) -> bytes:
    """The bytes of a file.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror})", file=file, remedy=remedy) from error


def text_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a text that are not blank, with their 1-based numbers; Unix's, Windows' and old Macs' ends count."""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if line.strip():
            yield number, line


def has_half_pair(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, so that it is no valid Unicode."""
    return not text.isascii() and _HALF_PAIR.search(text) is not None


def whole(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair; two halves of one pair become their character."""
    if not has_half_pair(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def as_written(text: str) -> str:
    """What a person wrote, from a data file: HTML entities as characters, once; composed; no control characters.

    Composed means Unicode's form NFC, so that one spelling has one form. A control character becomes a space; tabs and
    ends of lines stay. ECR and UniCRS unescape every utterance in the same way (``html.unescape``).
    """
    if "&" in text:
        text = html.unescape(_LONG_REFERENCE.sub("\ufffd", text))  # Python reads no number of 4,300 digits
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _CONTROL.sub(" ", text))
    return text


def as_said(text: str) -> str:
    """What a command line or a program says: no half of a surrogate pair, and composed as in ``as_written``."""
    return unicodedata.normalize("NFC", whole(text))


def printable(text: str) -> str:
    """A text that a terminal can be given: what is not printable, ends of lines apart, is escaped."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )


def on_one_line(text: str) -> str:
    """A text that a terminal can be given, on one line: see ``printable``."""
    return printable(" ".join(text.split()))


def quoted(value: object) -> str:
    """A value from outside in an error: quoted as Python writes it, and cut where it is long."""
    try:
        text = repr(value)
    except RecursionError:
        return f"a deeply nested {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
