"""Texts and numbers of files of ratings, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envs.dialogue import Message, Role, Utterance, merged
from envs.errors import DataError
from envs.inputs.text import as_written, quoted

_SPEAKER = re.compile(r"\s*(?:(seeker|recommender)\s*:|(USER|SYSTEM)(?!\w)\s*:?)\s*")
"""Who speaks, at the start of a turn: this project's words, or those of AB-ReDial and USS."""
_ROLES = {"USER": Role.SEEKER, "SYSTEM": Role.RECOMMENDER}
_QUOTED_TITLE = re.compile(r"[\"\u201c\u201d]\s*([^\"\u201c\u201d]{1,100}?\(\d{4}\)\.?)\s*[\"\u201c\u201d]")
"""A title with its year in quotation marks, as AB-ReDial writes each film."""
_LARGEST = 1_000_000
"""The largest rating that is read; sums and squares of such numbers are finite."""


@dataclass(frozen=True, slots=True)
class Location:
    """The place of a record: its file and 1-based line, and what a user can do about a fault there."""

    file: Path
    line: int
    remedy: str

    def __str__(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"

    def error(self, field: str | None, what: str) -> DataError:
        """The error for one field of this record."""
        return DataError(what, file=self.file, line=self.line, field=field, remedy=self.remedy)


def said(text: str) -> str:
    """What a person wrote, with single spaces, and film titles without the quotation marks around them."""
    return _QUOTED_TITLE.sub(r"\1", " ".join(as_written(text).split()))


def text_of(value: object, field: str, location: Location) -> str:
    """A text that must not be blank, as ``said``.

    Raises:
        DataError: it is no text, or blank.
    """
    if not isinstance(value, str):
        raise location.error(field, f"must be text, not {quoted(value)}")
    text = said(value)
    if not text:
        raise location.error(field, "the text is blank")
    return text


def speaker_and_words(text: str) -> tuple[Role, str] | None:
    """Who speaks and what is said, of ``seeker: …``, ``USER …`` and the like; None if it begins with no speaker."""
    match = _SPEAKER.match(text)
    if match is None:
        return None
    role = _ROLES[match[2]] if match[2] else Role(match[1])
    return role, said(text[match.end() :])


def turns_of(value: object, field: str, location: Location) -> tuple[Utterance, ...]:
    """A list of turns, each with its speaker in front; turns without words are left out, and one speaker's merged.

    Raises:
        DataError: it is no list of such texts.
    """
    if not isinstance(value, list):
        raise location.error(field, f"must be a list of turns, not {quoted(value)}")
    messages = (Message(*_spoken(entry, f"{field}[{index}]", location)) for index, entry in enumerate(value))
    return merged(message for message in messages if message.text)


def words_of(value: object, field: str, location: Location) -> str:
    """What is said in a turn with its speaker in front, whoever it is.

    Raises:
        DataError: it is no such text, or nothing is said.
    """
    return text_of(_spoken(value, field, location)[1], field, location)


def _spoken(value: object, field: str, location: Location) -> tuple[Role, str]:
    """Who speaks and what is said."""
    spoken = speaker_and_words(value) if isinstance(value, str) else None
    if spoken is None:
        raise location.error(field, f"begins with neither 'seeker:' nor 'recommender:': {quoted(value)}")
    return spoken


def ratings_of(value: object, location: Location) -> dict[str, tuple[float, ...]]:
    """The object ``ratings``: by name a number, or a list with one number a rater; null says nothing and is left out.

    Raises:
        DataError: it is no such object.
    """
    if not isinstance(value, Mapping):
        raise location.error("ratings", f"must be an object, not {quoted(value)}")
    named = {}
    for name, given in value.items():
        many = isinstance(given, list)
        entries: Iterable[object] = given if many else (given,)
        numbers = tuple(
            number_of(entry, f"ratings.{name}" + (f"[{index}]" if many else ""), location)
            for index, entry in enumerate(entries)
            if entry is not None
        )
        if numbers:
            named[name] = numbers
    return named


def number_of(value: object, field: str, location: Location) -> float:
    """A rating: a number of any scale that people use, up to ``_LARGEST``.

    Raises:
        DataError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise location.error(field, f"must be a number, not {quoted(value)}")
    if not abs(value) <= _LARGEST:  # which NaN is not, either
        raise location.error(field, f"must be a number from -{_LARGEST:,} to {_LARGEST:,}, not {quoted(value)}")
    return float(value)
