"""JSON from outside, read strictly: one meaning for every text, and an error for every text without one.

Beyond broken syntax these are refused: a key that stands twice in an object (Python's reader takes the last one),
``NaN``, ``Infinity`` and numbers too great to be finite, whole numbers of thousands of digits, nesting that no reader
follows, and text that holds NUL or half of a surrogate pair.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from envs.errors import DataError
from envs.inputs.text import UnreadableText, decoded, decoded_file, has_half_pair, read_bytes

_SUSPECT = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)|[\ud800-\udfff]")
"""What may stand for half of a surrogate pair or NUL."""
_MOST_DIGITS = 4_300
"""Python reads no longer whole number."""


class JsonFault(ValueError):
    """Why a text is refused.

    Attributes:
        what: what is wrong.
        field: the field's path, e.g. ``messages[3].text``; None if the whole text is wrong.
        line: 1-based line inside the text.
    """

    def __init__(self, what: str, field: str | None = None, line: int = 1) -> None:
        """Keep the parts; the message is ``what`` after the field."""
        super().__init__(what if field is None else f"{field}: {what}")
        self.what, self.field, self.line = what, field, line


def parse_json(text: str | bytes, *, strict: bool = True) -> Any:
    """The value of a JSON text.

    Args:
        text: the JSON; bytes are decoded by ``envs.inputs.text.decoded``.
        strict: False takes a key twice, NaN and Infinity, NUL and halves of surrogate pairs: for an answer of which
            only one field is wanted.

    Raises:
        JsonFault: the text is refused.
    """
    try:
        return _parsed(text if isinstance(text, str) else decoded(text), strict)
    except UnreadableText as error:
        raise JsonFault(error.what, line=error.line) from error
    except json.JSONDecodeError as error:
        raise JsonFault(f"not JSON ({error.msg}, column {error.colno})", line=error.lineno) from error
    except RecursionError as error:
        raise JsonFault("not JSON that can be read: it is nested too deeply") from error


def _parsed(text: str, strict: bool) -> Any:
    text = text.removeprefix("\ufeff")
    try:
        value = (_STRICT if strict else _LENIENT).decode(text)
    except (json.JSONDecodeError, RecursionError):
        raise
    except ValueError as error:  # of ``_STRICT``, or a number that Python does not read
        raise _first_fault(text) or JsonFault(f"a number of more than {_MOST_DIGITS:,} digits") from error
    if strict and ("\\u" in text or not text.isascii()) and _SUSPECT.search(text):
        fault = _first_fault(text)
        if fault is not None:
            raise fault
    return value


def read_json(file: Path, *, remedy: str) -> Any:
    """The value of a JSON file.

    Args:
        file: the file.
        remedy: what a user can do if it cannot be read.

    Raises:
        DataError: the file cannot be read or is refused; file, line and field are named.
    """
    text = decoded_file(read_bytes(file, remedy=remedy), file, remedy)
    try:
        return parse_json(text)
    except JsonFault as fault:
        line = fault.line if fault.field is None else None
        raise DataError(fault.what, file=file, line=line, field=fault.field, remedy=remedy) from fault


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in a value for what is refused there."""

    what: str


def _refuse(what: str) -> Any:
    raise ValueError(what)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else _refuse("a key twice")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse("no finite number")


def _marked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, inner in pairs:
        value[key] = _Refused("the key stands there twice") if key in value else inner
    return value


def _marked_float(digits: str) -> Any:
    value = float(digits)
    return value if math.isfinite(value) else _Refused("the number is not finite")


def _marked_int(digits: str) -> Any:
    return _Refused(f"a number of {len(digits):,} digits") if len(digits) > _MOST_DIGITS else int(digits)


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=_refuse)
_LENIENT = json.JSONDecoder()
_MARKING = json.JSONDecoder(
    object_pairs_hook=_marked_object,
    parse_float=_marked_float,
    parse_int=_marked_int,
    parse_constant=lambda name: _Refused(f"{name} is no number of JSON"),
)


def _first_fault(text: str) -> JsonFault | None:
    """The first fault of a text whose syntax is sound; a second, slow reading, for the field's path."""
    for path, value in _leaves(_MARKING.decode(text)):
        if isinstance(value, _Refused):
            return JsonFault(value.what, path)
        if isinstance(value, str) and has_half_pair(value):
            return JsonFault("half of a surrogate pair: no valid Unicode", path)
        if isinstance(value, str) and "\0" in value:
            return JsonFault("a NUL character", path)
    return None


def _leaves(value: Any) -> Iterator[tuple[str | None, Any]]:
    """Every key and every value that is no list and no object, each with its path, in the text's order."""
    ahead: list[tuple[str, Any]] = [("", value)]
    while ahead:
        path, inner = ahead.pop()
        if isinstance(inner, dict):
            names = {key: _below(path, key) for key in inner}
            yield from ((names[key], key) for key in inner)
            ahead += [(names[key], entry) for key, entry in reversed(inner.items())]
        elif isinstance(inner, list):
            ahead += [(f"{path}[{index}]", entry) for index, entry in reversed(list(enumerate(inner)))]
        else:
            yield path or None, inner


def _below(path: str, key: str) -> str:
    name = key.encode("utf-8", "backslashreplace").decode() if has_half_pair(key) else key
    return f"{path}.{name}" if path else name
