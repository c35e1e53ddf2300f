"""What a judge sees of a reply or of two conversations, as short as it may be: some 55 tokens take a CPU second."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_rl.evaluation.conversations.records import ConversationRecord
from ecr_rl.labels.judging.fence import clean
from envs.dialogue import Role

OPENING_WORDS, GOING_ON_WORDS = 80, 80
"""The most words of what comes before, the latest, and of what one recommender makes of it, the first."""
Line = tuple[Role, str]


def reply_body(context: Sequence[Line], reply: str) -> str:
    """A reply with the latest ``OPENING_WORDS`` words of its context, in whole turns but for the oldest."""
    return "\n".join(["DIALOGUE", *_latest(context), "REPLY TO RATE", *_first([(Role.RECOMMENDER, reply)])])


def pair_body(opening: Sequence[Line], first: Sequence[Line], second: Sequence[Line]) -> str:
    """Two conversations that go on from one opening."""
    return "\n".join(["OPENING", *_latest(opening), "A GOES ON", *_first(first), "B GOES ON", *_first(second)])


def opening_of(record: ConversationRecord) -> list[Line]:
    """The turns that both systems begin with."""
    return [(line["role"], line["text"]) for line in record.history]


def going_on(record: ConversationRecord) -> list[Line]:
    """The free turns of a conversation: the recommender's replies, and the seeker's answers."""
    lines: list[Line] = []
    for turn in record.turns:
        lines.append((Role.RECOMMENDER, turn.reply))
        if turn.answer:
            lines.append((Role.SEEKER, turn.answer))
    return lines


def _latest(lines: Sequence[Line]) -> list[str]:
    kept: list[str] = []
    room = OPENING_WORDS
    for role, text in reversed(lines):
        words = clean(text).split()
        if room <= 0:
            break
        kept.append(f"{role.value}: {'… ' if len(words) > room else ''}{' '.join(words[-room:])}")
        room -= len(words)
    return kept[::-1]


def _first(lines: Sequence[Line]) -> list[str]:
    kept: list[str] = []
    room = GOING_ON_WORDS
    for role, text in lines:
        words = clean(text).split()
        if room <= 0:
            break
        kept.append(f"{role.value}: {' '.join(words[:room])}{' …' if len(words) > room else ''}")
        room -= len(words)
    return kept
