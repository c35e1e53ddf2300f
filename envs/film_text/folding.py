"""One spelling for the many of a text: no accents, one apostrophe, one hyphen, ordinary widths; and the way back.

Titles are compared in this form: decomposed and composed letters, wide and narrow ones, curly and straight apostrophes
are the same in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_APOSTROPHES = "\u2018\u2019\u201b\u02bc\u02b9\u02bb\u2032\u00b4`\uff07\uff40\u055a\ua78c"
_HYPHENS = "\u2010\u2011\u2212\uff0d\ufe63"
"""Those inside words; a dash between words (``\u2013``, ``\u2014``) stays."""
_LETTERS = dict(zip("øØłŁđĐðÐ\u0131ħĦ", "oOlLdDdDihH", strict=True))
_LETTERS |= {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th"}
"""Letters whose stroke or joint is no accent to Unicode."""
_SPELLINGS = _LETTERS | dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_HYPHENS, "-")


class Folded(NamedTuple):
    """A folded text.

    Attributes:
        text: the text in one spelling.
        origins: for each of its characters the index in the text as it was; None if nothing changed.
        ends: for each of its characters the end (exclusive) of what it stands for, accents that follow included.
    """

    text: str
    origins: Sequence[int] | None
    ends: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range in the text as it was of a range (half-open, not empty) of the folded one."""
        if self.origins is None or self.ends is None:
            return start, end
        return self.origins[start], self.ends[end - 1]


def folded(text: str) -> Folded:
    """A text in one spelling, with the way back; case stays."""
    if text.isascii() and "`" not in text:
        return Folded(text, None, None)
    letters: list[str] = []
    origins: list[int] = []
    ends: list[int] = []
    for index, char in enumerate(text):
        spelling = _spelling(char)
        if not spelling and ends:
            ends[-1] = index + 1
        letters.append(spelling)
        origins += [index] * len(spelling)
        ends += [index + 1] * len(spelling)
    return Folded("".join(letters), origins, ends)


def fold(text: str) -> str:
    """A text in one spelling; case stays."""
    return folded(text).text


@lru_cache(maxsize=4096)
def _spelling(char: str) -> str:
    """A character in its one spelling; nothing for an accent and for what is not seen, such as a soft hyphen."""
    if char in _SPELLINGS:
        return _SPELLINGS[char]
    if char.isascii():
        return char
    if unicodedata.category(char) == "Cf":
        return ""
    decomposed = unicodedata.normalize("NFKD", char)
    plain = "".join(_SPELLINGS.get(part, part) for part in decomposed if not unicodedata.combining(part))
    return f" {plain}" if unicodedata.decomposition(char).startswith("<fraction>") else plain
