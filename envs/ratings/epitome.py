"""EPITOME's own files: how much empathy replies to posts of people in need show (Sharma et al., EMNLP 2020).

``emotional-reactions-reddit.csv``, ``interpretations-reddit.csv`` and ``explorations-reddit.csv`` have the same columns
``sp_id``, ``rp_id``, ``seeker_post``, ``response_post``, ``level`` (0 to 2) and ``rationales``; which of the three is
rated stands in the file's name alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from envs.dialogue import Role, Utterance
from envs.ratings.rated_text import text_of
from envs.ratings.record import RatedReply, RatingSet, text_group
from envs.ratings.tables import number_in, rows_of

_COLUMNS = ("seeker_post", "response_post", "level")
RATINGS = ("reactions", "interpretations", "explorations")
"""What is rated; a file's name holds one of them."""


def is_epitome(file: Path, columns: Sequence[str]) -> bool:
    """Whether a table is one of the three: by its columns, and by a name that says what is rated."""
    return set(_COLUMNS) <= set(columns) and _rated(file) is not None


def read_epitome(file: Path, text: str) -> RatingSet:
    """Read the rated replies; a row without a level is left out.

    Raises:
        DataError: a row is of another form; file, line and field are named.
    """
    name = _rated(file) or ""
    replies = []
    for location, cells in rows_of(file, text, _COLUMNS):
        level = number_in(cells["level"], "level", location)
        if level is None:
            continue
        context = (Utterance(Role.SEEKER, text_of(cells["seeker_post"], "seeker_post", location)),)
        response = text_of(cells["response_post"], "response_post", location)
        replies.append(RatedReply(context, response, {name: (level,)}, text_group(context), str(location)))
    return RatingSet("epitome", tuple(replies), ())


def _rated(file: Path) -> str | None:
    return next((name for name in RATINGS if name in file.stem.lower()), None)
