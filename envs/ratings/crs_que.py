"""CRS-Que ratings of whole ReDial dialogues: ``annotations.csv`` of reliable-crs-eval (Mueller et al., UMAP 2026).

A row is what one rater said of the dialogue ``dialogue_id``, ReDial's ``conversationId``, in 18 dimensions. Rows marked
``is_gold_standard`` tested the raters; as in the authors' scripts, they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from envs.dialogue import Utterance
from envs.ratings.rated_text import Location, text_of
from envs.ratings.record import CRS_QUE, RatedDialogue, RatingSet
from envs.ratings.tables import number_in, rows_of

_NO = {"", "0", "0.0", "false"}
"""What ``is_gold_standard`` says of a dialogue that was to be rated."""


def is_crs_que(columns: Sequence[str]) -> bool:
    """Whether a table's columns are those of these ratings."""
    return {"dialogue_id", *CRS_QUE} <= set(columns)


def read_crs_que(file: Path, text: str, conversations: Mapping[str, Sequence[Utterance]]) -> RatingSet:
    """Read the rated dialogues.

    Args:
        file: the file, for errors.
        text: its content.
        conversations: ReDial's turns by ``conversationId``; a dialogue that is not among them is counted as skipped.

    Raises:
        DataError: a row is of another form; file, line and field are named.
    """
    found: dict[str, tuple[Location, dict[str, list[float]]]] = {}
    for location, cells in rows_of(file, text, ["dialogue_id", *CRS_QUE]):
        if cells.get("is_gold_standard", "").strip().lower() not in _NO:
            continue
        _, ratings = found.setdefault(text_of(cells["dialogue_id"], "dialogue_id", location), (location, {}))
        for name in CRS_QUE:
            number = number_in(cells[name], name, location)
            if number is not None:
                ratings.setdefault(name, []).append(number)
    dialogues = tuple(
        RatedDialogue(
            tuple(conversations[group]),
            {name: tuple(numbers) for name, numbers in ratings.items()},
            group,
            str(location),
        )
        for group, (location, ratings) in found.items()
        if group in conversations and ratings
    )
    return RatingSet("crs-que", (), dialogues, skipped=sum(group not in conversations for group in found))
