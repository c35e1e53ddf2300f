"""A profile seeker's sentences: for each act, and for each of ECR's nine emotions.

The sentences are in ``data/lines.yaml``, which also explains their slots.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum, auto
from importlib.resources import files

import yaml

from envs.emotions import NINE


class Act(StrEnum):
    """How a profile seeker reacts to a turn."""

    GREET = auto()
    SMALL_TALK = auto()
    MOOD = auto()
    TASTES = auto()
    DISLIKES = auto()
    PEOPLE = auto()
    OPEN = auto()
    NUDGE = auto()
    ACCEPT = auto()
    ACCEPT_AGAIN = auto()
    SEEN = auto()
    REPEATED = auto()
    REJECT = auto()
    REJECT_GENRE = auto()
    ASK = auto()
    DECLINE = auto()
    DECLINE_TASTES = auto()
    DECLINE_TOLD = auto()
    GOODBYE = auto()
    LEAVE = auto()


def _sentences(section: str, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The sentences of a section of ``data/lines.yaml``; the section must have exactly these keys."""
    text = (files("envs.seekers") / "data" / "lines.yaml").read_text(encoding="utf-8")
    sentences = yaml.safe_load(text)[section]
    if set(sentences) != set(keys):
        raise ValueError(f"data/lines.yaml: section {section} must hold exactly {', '.join(keys)}")
    return {key: tuple(sentences[key]) for key in keys}


LINES: dict[Act, tuple[str, ...]] = {Act(name): said for name, said in _sentences("lines", Act).items()}
"""At least eight sentences for every act."""

EMOTIONS: dict[Act, tuple[str, ...]] = {
    Act.GREET: ("happy", "neutral"),
    Act.SMALL_TALK: ("grateful", "neutral"),
    Act.MOOD: ("neutral",),
    Act.TASTES: ("like", "neutral"),
    Act.DISLIKES: ("negative",),
    Act.PEOPLE: ("like", "neutral"),
    Act.OPEN: ("neutral",),
    Act.NUDGE: ("curious", "neutral"),
    Act.ACCEPT: ("happy", "like", "agreement", "surprise"),
    Act.ACCEPT_AGAIN: ("nostalgia", "like", "happy"),
    Act.SEEN: ("neutral", "nostalgia"),
    Act.REPEATED: ("negative", "surprise"),
    Act.REJECT: ("negative",),
    Act.REJECT_GENRE: ("negative", "surprise"),
    Act.ASK: ("curious", "surprise", "agreement"),
    Act.DECLINE: ("neutral", "grateful"),
    Act.DECLINE_TASTES: ("negative", "neutral"),
    Act.DECLINE_TOLD: ("grateful", "negative"),
    Act.GOODBYE: ("grateful",),
    Act.LEAVE: ("negative",),
}
"""The emotions of ECR that an act may carry; one is drawn each time."""

REACTIONS = {
    act for act in Act if act in (Act.SEEN, Act.ASK, Act.REPEATED) or act.startswith(("accept", "reject", "decline"))
}
"""The acts that answer a film; one of FEELINGS may precede their sentence."""

FEELINGS = _sentences("feelings", NINE)
"""Sentences that show each of ``envs.emotions.NINE``; a neutral seeker shows nothing."""
