"""Measure how edits of a reply change a critic's heads; one whose scores rise with filler only measures length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecr_rl.evaluation.critic.results import EditEffect, HeadMove
from ecr_rl.labels.replies.examples import Example
from ecr_rl.labels.replies.made_replies import Kind, ReplyMaker
from envs.heads import Exchange, Head, RewardModel

_FILLER = "you know, like, well, so yeah, I mean, anyway"
STILL = 0.03
"""The largest mean change of a head that an edit should not change."""

EDITS = ("filler", "repeated", "great", "other_film", "upper_case", "exclamations")
"""Edits of a reply; a head's definition says what one should do to it (``envs.heads.Head.edits``)."""


def sensitivity(
    critic: RewardModel, heads: Sequence[Head], cases: Sequence[Example], maker: ReplyMaker, seed: int
) -> dict[str, EditEffect]:
    """Mean change of each head by each edit.

    Args:
        critic: scores exchanges.
        heads: definitions of what it scores.
        cases: human examples to edit.
        maker: changes films; an edit that does not fit a reply leaves that reply out.
        seed: of the edits and of the bootstrap over replies.
    """
    rng = np.random.default_rng([seed, 43])
    edits = {}
    for edit in EDITS:
        pairs = [(case.evidence.exchange, text) for case in cases if (text := _edited(edit, case, maker, rng))]
        before = critic.score([exchange for exchange, _ in pairs])
        after = critic.score([Exchange(exchange.context, text) for exchange, text in pairs])
        expected = {head.name: head.edits.get(edit) for head in heads}
        wanted = [expected.get(head) for head in before.heads]
        edits[edit] = EditEffect(len(pairs), _moves(before.heads, wanted, after.mean - before.mean, rng))
    return edits


def _edited(edit: str, case: Example, maker: ReplyMaker, rng: np.random.Generator) -> str | None:
    reply = case.evidence.exchange.reply
    words = reply.split()
    if edit == "other_film":
        made = maker.make(Kind.WRONG_FILM, case.evidence, rng)
        return None if made is None else made[0]
    if edit == "great":
        index = int(rng.integers(len(words) + 1))
        return " ".join([*words[:index], "great", *words[index:]])
    return {
        "filler": f"{reply} {_FILLER}",
        "repeated": f"{reply} {reply}",
        "upper_case": reply.upper(),
        "exclamations": f"{reply}!!!",
    }[edit]


def _moves(
    heads: Sequence[str], wanted: Sequence[str | None], changes: np.ndarray, rng: np.random.Generator
) -> dict[str, HeadMove]:
    if not len(changes):
        return {}
    draws = rng.integers(len(changes), size=(500, len(changes)))
    low, high = np.quantile(changes[draws].mean(1), (0.025, 0.975), axis=0)
    moves = {}
    for column, (head, expected) in enumerate(zip(heads, wanted, strict=True)):
        change = float(changes[:, column].mean())
        moves[head] = HeadMove(
            change=change,
            interval=(float(low[column]), float(high[column])),
            expected=expected,
            ok=None if expected is None else _as_expected(expected, change, float(high[column])),
        )
    return moves


def _as_expected(expected: str, change: float, high: float) -> bool:
    if expected == "down":
        return high < 0
    return change <= STILL if expected == "not up" else abs(change) <= STILL
