"""The shared form of ratings: JSON lines, one rated reply or dialogue a line.

    {"dialogue": "12", "context": ["seeker: …", "recommender: …"], "response": "…", "ratings": {"relevance": [3, 4]}}
    {"dialogue": "12", "turns": ["seeker: …", "recommender: …"], "ratings": {"understanding": [2, 3, 3]}}
    {"conversationId": "18039", "ratings": {"satisfaction": [4, 5, 3]}}

A rating is one number, or a list with one number a rater. ``dialogue`` may be left out of the first two; the first post
of the context then says which lines belong together. A ``conversationId`` without turns names a conversation of ReDial.
Other fields are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.dialogue import Utterance
from envs.inputs.json_text import JsonFault, parse_json
from envs.inputs.text import quoted, text_lines
from envs.ratings.rated_text import Location, ratings_of, text_of, turns_of
from envs.ratings.record import CRS_QUE, RatedDialogue, RatedReply, RatingSet, text_group

Conversations = Mapping[str, Sequence[Utterance]]
"""The turns of ReDial's conversations by ``conversationId``, films as titles."""

_REMEDY = "docs/people.md shows the form of a line."
_AB_REDIAL = {"relevance", "interestingness", "overall"}
"""The ratings of AB-ReDial's turns; other data sets have some of these names, and none has all."""
_ORIGINS = {
    "ab-redial-dialogues": {"understanding", "task-completion", "interest-arousal", "efficiency", "dialogue-overall"},
    "epitome": {"reactions", "interpretations", "explorations"},
}
"""Data sets that the names of their ratings tell apart from others."""


def holds_shared_form(text: str) -> bool:
    """Whether a file's first line begins as an object and names ``ratings``, be it whole or broken."""
    first = next((line for _, line in text_lines(text)), "")
    return first.lstrip().startswith("{") and '"ratings"' in first


def read_shared_form(file: Path, text: str, conversations: Conversations) -> RatingSet:
    """Read the lines of a file.

    Args:
        file: the file, for errors and for the set's name.
        text: its content.
        conversations: the turns of the conversations that lines may name.

    Raises:
        DataError: a line is of another form; file, line and field are named.
    """
    replies: list[RatedReply] = []
    dialogues: list[RatedDialogue] = []
    names: set[str] = set()
    skipped = 0
    for number, line in text_lines(text):
        location = Location(file, number, _REMEDY)
        record = _object(line, location)
        ratings = ratings_of(record.get("ratings"), location)
        if not ratings:
            raise location.error("ratings", "the line holds no rating")
        names.update(ratings)
        if "response" in record:
            replies.append(_reply(record, ratings, location))
        else:
            dialogue = _dialogue(record, ratings, location, conversations)
            if dialogue is None:
                skipped += 1
            else:
                dialogues.append(dialogue)
    return RatingSet(_origin(file, names, whole=not replies), tuple(replies), tuple(dialogues), skipped)


def _object(line: str, location: Location) -> dict[str, Any]:
    try:
        record = parse_json(line)
    except JsonFault as fault:
        raise location.error(fault.field, fault.what) from fault
    if not isinstance(record, dict):
        raise location.error(None, f"must be an object, not {quoted(record)}")
    return record


def _reply(record: Mapping[str, Any], ratings: dict[str, tuple[float, ...]], location: Location) -> RatedReply:
    context = turns_of(record.get("context"), "context", location)
    response = text_of(record["response"], "response", location)
    group = _named_group(record, location) or text_group(context, response)
    return RatedReply(context, response, ratings, group, str(location))


def _dialogue(
    record: Mapping[str, Any],
    ratings: dict[str, tuple[float, ...]],
    location: Location,
    conversations: Conversations,
) -> RatedDialogue | None:
    """A rated dialogue; None if its turns are not at hand."""
    group = _named_group(record, location)
    if "turns" in record:
        turns = turns_of(record["turns"], "turns", location)
        if not turns:
            raise location.error("turns", "the dialogue has no turn with words")
        return RatedDialogue(turns, ratings, group or text_group(turns), str(location))
    if group is None:
        raise location.error(None, "has neither response, turns nor conversationId")
    known = conversations.get(group)
    return None if known is None else RatedDialogue(tuple(known), ratings, group, str(location))


def _named_group(record: Mapping[str, Any], location: Location) -> str | None:
    """The dialogue that a line names; None if it names none."""
    for field in ("dialogue", "conversationId"):
        value = record.get(field)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
            raise location.error(field, f"must be a name or a number, not {quoted(value)}")
        return str(value).strip()
    return None


def _origin(file: Path, names: set[str], whole: bool) -> str:
    """The set's name, by the names of its ratings; that satisfaction alone is rated is true of several data sets."""
    if whole and len(names & set(CRS_QUE)) > 1:
        return "crs-que"
    if not whole and names == {"satisfaction"} and "ccpe" in file.stem.lower():
        return "ccpe"
    if names == _AB_REDIAL:
        return "ab-redial"
    return next((origin for origin, known in _ORIGINS.items() if names and names <= known), file.stem)
