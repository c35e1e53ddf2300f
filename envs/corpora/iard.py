"""IARD: acts of seekers and recommenders in ReDial dialogues, annotated by people (Cai & Chen, UMAP 2020)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from envs.dialogue import Role
from envs.errors import DataError
from envs.inputs.json_text import read_json
from envs.inputs.text import as_written

FIRST_TEST_DIALOGUE = 20_001
"""ReDial's test dialogues are numbered from here on."""
_REMEDY = "Give IARD's JSON file."
_MENTION = re.compile(r"@\d+\s*<[^>]*>|@\d+")


@dataclass(frozen=True, slots=True)
class AnnotatedTurn:
    """One utterance and its acts.

    Attributes:
        dialogue: ReDial's number of the dialogue.
        position: 1-based position of the utterance in its dialogue.
        role: who speaks.
        text: what is said, film titles taken out.
        codes: sub-acts, e.g. ``REC-S`` or ``ACC``.
        accepted: the annotators say that the seeker accepted the film recommended here.
    """

    dialogue: int
    position: int
    role: Role
    text: str
    codes: frozenset[str]
    accepted: bool


def read_iard(file: Path) -> list[AnnotatedTurn]:
    """The utterances of ``umap2020_IARD_Cai.json``, dialogue by dialogue.

    Raises:
        DataError: the file is not of that form.
    """
    dialogues = read_json(file, remedy=_REMEDY)
    if not isinstance(dialogues, dict):
        raise DataError("must be an object of dialogues", file=file, remedy=_REMEDY)
    turns = []
    for number, dialogue in dialogues.items():
        try:
            accepted = set(dialogue["accepted_recommendation"])
            turns += [_turn(int(number), entry, accepted) for entry in dialogue["dialogue_info"].values()]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"not a dialogue of IARD: {error!r}", file=file, field=str(number), remedy=_REMEDY
            ) from error
    return turns


def _turn(dialogue: int, entry: dict[str, object], accepted: set[object]) -> AnnotatedTurn:
    codes = entry["sub-intent/action"]
    if not isinstance(codes, list):
        raise TypeError("sub-intent/action is no list")
    position = int(str(entry["utterance_pos"]))
    text = " ".join(_MENTION.sub(" ", as_written(str(entry["utterance_text"]))).split())
    role = Role(str(entry["role"]))
    return AnnotatedTurn(dialogue, position, role, text, frozenset(map(str, codes)), position in accepted)
