"""Nearest training contexts, and policy replies kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.replies.examples import Example
from ecr_rl.labels.replies.made_replies import Case, Kind, PolicyReply
from ecr_rl.labels.replies.nearest import NearestReplies
from ecr_rl.labels.replies.policy_store import stored_replies
from envs.dialogue import Role, Utterance
from envs.errors import DataError
from envs.heads import Exchange


def example(dialogue: int, asked: str, reply: str, kind: Kind = Kind.HUMAN) -> Example:
    context = (Utterance(Role.SEEKER, asked),)
    reference = None if kind is Kind.HUMAN else "the human's"
    return Example(Evidence(Exchange(context, reply), reference=reference), kind, dialogue, 1)


KNOWN = [
    example(0, "I want a scary film", "Try Saw"),
    example(1, "I want a scary film tonight", "Try It"),
    example(2, "something romantic please", "Try Titanic"),
]


def test_near_contexts_lend_their_replies_but_not_to_their_own_dialogue() -> None:
    nearest = NearestReplies(KNOWN)
    asked = example(0, "I want a scary film", "Maybe", Kind.GENERIC)
    (other,) = nearest.fill([asked], of_training=False)
    assert other.evidence.near[:2] == ("Try Saw", "Try It")
    (own,) = nearest.fill([asked], of_training=True)
    assert own.evidence.near[0] == "Try It"
    assert nearest.fill(KNOWN[:1], of_training=True)[0].evidence.near == ()  # a human reply is its own reference


def test_a_sampling_that_is_killed_goes_on(tmp_path: Path) -> None:
    cases: list[Case] = [(i, 1) for i in range(450)]
    asked: list[Case] = []

    def sample(part: Sequence[Case]) -> list[PolicyReply]:
        if len(asked) >= 400:
            raise KeyboardInterrupt
        asked.extend(part)
        return [PolicyReply(*case, 0.7, "Hi é", "Hi @3", (3, 4), False) for case in part]

    with pytest.raises(KeyboardInterrupt):
        stored_replies(tmp_path, cases, sample)
    asked = []
    replies = stored_replies(tmp_path, cases, sample)
    assert asked == cases[400:]
    assert [(reply.dialogue, reply.turn) for reply in replies] == cases
    assert replies[0] == PolicyReply(0, 1, 0.7, "Hi é", "Hi @3", (3, 4), False)


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-0000.jsonl").write_text('{"dialogue": 1}\n')
    with pytest.raises(DataError, match=r"part-0000\.jsonl"):
        stored_replies(tmp_path, [(0, 1)], lambda part: [])
