"""Find the JSON objects among the words that a model wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LONGEST_INTEGER = 18
_MOST_BROKEN = 1_000
_START = re.compile(r'\{\s*["}]')


@dataclass(frozen=True, slots=True)
class FoundObject:
    """A JSON object in a text, which stands in its characters from ``start`` up to ``stop``."""

    value: dict[str, Any]
    start: int
    stop: int


def json_objects(text: str) -> list[FoundObject]:
    """The outermost JSON objects of a text, in order.

    What only looks like one is passed over, and so is an object that gives one key two values; objects inside it
    are found. Integers of more than 18 digits become floats.

    Raises:
        ValueError: an object is nested too deeply to be read, or more than 1,000 are broken.
    """
    found: list[FoundObject] = []
    broken = 0
    start = _START.search(text)
    while start is not None:
        try:
            value, stop = _DECODER.raw_decode(text, start.start())
        except RecursionError:
            raise ValueError("JSON that is nested too deeply") from None
        except ValueError:
            stop, broken = start.start() + 1, broken + 1
            if broken > _MOST_BROKEN:
                raise ValueError("JSON that is broken in too many places") from None
        else:
            found.append(FoundObject(value, start.start(), stop))
        start = _START.search(text, stop)
    return found


def _object(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) < len(members) and any(repr(made[key]) != repr(value) for key, value in members):
        raise ValueError("a key has two values")
    return made


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, strict=False)
