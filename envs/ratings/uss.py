"""USS: the user's satisfaction after each turn of an assistant (Sun et al., SIGIR 2021); ``CCPE.txt`` talks of films.

A line is a speaker (``USER`` or ``SYSTEM``), a text, an act and, for a user's line, one number a rater with commas
between them, with tabs between the fields; a blank line ends a dialogue. The raters judged before they read the user's
line, so that its numbers are about the assistant's turn before it. A user's line ``OVERALL`` rates the whole dialogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from envs.dialogue import Message, Role, merged
from envs.inputs.text import quoted, text_lines
from envs.ratings.rated_text import Location, said
from envs.ratings.record import RatedDialogue, RatedReply, RatingSet
from envs.ratings.tables import REMEDY, number_in

_ROLES = {"USER": Role.SEEKER, "SYSTEM": Role.RECOMMENDER}
_RATING = "satisfaction"
_OVERALL = "OVERALL"
_LINE_END = re.compile(r"\r?\n")
_Line = tuple[Location, Role, str, tuple[float, ...]]
"""Where, who, what, and the numbers of the raters."""


def is_uss(text: str) -> bool:
    """Whether a file's first line is a speaker of USS and fields with tabs between them."""
    first = next((line for _, line in text_lines(text)), "")
    return first.split("\t")[0] in _ROLES and first.count("\t") >= 2


def read_uss(file: Path, text: str) -> RatingSet:
    """Read the rated turns of the assistant, and the rated dialogues.

    The set's name is ``ccpe`` for ``CCPE.txt``, and ``uss-`` and the file's stem for the other domains.

    Raises:
        DataError: a line is of another form; file, line and field are named.
    """
    replies: list[RatedReply] = []
    dialogues: list[RatedDialogue] = []
    for number, lines in enumerate(_dialogues(file, text), start=1):
        group = str(number)
        before: list[Message] = []
        for location, role, words, numbers in lines:
            rated = before and before[-1].role is Role.RECOMMENDER
            if words == _OVERALL and role is Role.SEEKER:
                if numbers and before:
                    dialogues.append(RatedDialogue(merged(before), {_RATING: numbers}, group, str(location)))
                continue
            if role is Role.SEEKER and numbers and rated:
                reply = before[-1].text
                replies.append(RatedReply(merged(before[:-1]), reply, {_RATING: numbers}, group, str(location)))
            if words:
                before.append(Message(role, words))
    stem = file.stem.lower()
    return RatingSet("ccpe" if "ccpe" in stem else f"uss-{stem}", tuple(replies), tuple(dialogues))


def _dialogues(file: Path, text: str) -> Iterator[list[_Line]]:
    lines: list[_Line] = []
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if line.strip():
            lines.append(_line(line, Location(file, number, REMEDY)))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _line(line: str, location: Location) -> _Line:
    speaker, *rest = line.split("\t")
    if speaker.strip() not in _ROLES or not rest:
        raise location.error(None, f"begins with neither USER nor SYSTEM and a tab: {quoted(line)}")
    cells = rest[2].split(",") if len(rest) > 2 else []
    numbers = [number_in(cell, _RATING, location) for cell in cells]
    return location, _ROLES[speaker.strip()], said(rest[0]), tuple(n for n in numbers if n is not None)
