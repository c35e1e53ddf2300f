"""Edits of a reply, and which heads they move: a critic that rises with filler is a length meter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ecr_rl.labels.replies.examples import Example
from ecr_rl.labels.replies.made_replies import Kind, ReplyMaker
from envs.heads import HEADS, Exchange, RewardModel

_FILLER = "you know, like, well, so yeah, I mean, anyway"
STILL = 0.03
"""A head that an edit should leave moves by at most so much in the mean."""

EXPECTED: dict[str, dict[str, str]] = {
    "filler": {"informativeness": "not up", "recommendation": "not up", "overall": "not up"},
    "repeated": {"informativeness": "not up", "overall": "down"},
    "great": {"informativeness": "not up", "recommendation": "still"},
    "other_film": {"empathy": "still", "recommendation": "down"},
    "upper_case": dict.fromkeys(HEADS[:-1], "still"),
    "exclamations": {"informativeness": "not up", "recommendation": "still"},
}
"""What each edit should do to a head; heads that are not named may move."""


def sensitivity(critic: RewardModel, cases: Sequence[Example], maker: ReplyMaker, seed: int) -> dict[str, Any]:
    """Mean change of each head by each edit.

    Args:
        critic: scores exchanges.
        cases: human examples to edit.
        maker: changes films; an edit that does not fit a reply leaves that reply out.
        seed: of the edits and of the bootstrap over replies.

    Returns:
        ``{edit: {"n", "heads": {head: {"change", "interval", "expected", "ok"}}}}``; nothing expected, ``ok`` None.
    """
    rng = np.random.default_rng([seed, 43])
    found = {}
    for edit in EXPECTED:
        pairs = [(case.evidence.exchange, text) for case in cases if (text := _edited(edit, case, maker, rng))]
        before = critic.score([exchange for exchange, _ in pairs]).mean
        after = critic.score([Exchange(exchange.context, text) for exchange, text in pairs]).mean
        found[edit] = {"n": len(pairs), "heads": _moves(edit, after - before, rng)}
    return found


def _edited(edit: str, case: Example, maker: ReplyMaker, rng: np.random.Generator) -> str | None:
    reply = case.evidence.exchange.reply
    words = reply.split()
    if edit == "other_film":
        made = maker.make(Kind.WRONG_FILM, case.evidence, rng)
        return None if made is None else made[0]
    if edit == "great":
        place = int(rng.integers(len(words) + 1))
        return " ".join([*words[:place], "great", *words[place:]])
    return {
        "filler": f"{reply} {_FILLER}",
        "repeated": f"{reply} {reply}",
        "upper_case": reply.upper(),
        "exclamations": f"{reply}!!!",
    }[edit]


def _moves(edit: str, changes: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    if not len(changes):
        return {}
    draws = rng.integers(len(changes), size=(500, len(changes)))
    low, high = np.quantile(changes[draws].mean(1), (0.025, 0.975), axis=0)
    moves = {}
    for head, name in enumerate(HEADS):
        change, expected = float(changes[:, head].mean()), EXPECTED[edit].get(name)
        moves[name] = {
            "change": change,
            "interval": [float(low[head]), float(high[head])],
            "expected": expected,
            "ok": None if expected is None else _as_expected(expected, change, float(high[head])),
        }
    return moves


def _as_expected(expected: str, change: float, high: float) -> bool:
    if expected == "down":
        return high < 0
    return change <= STILL if expected == "not up" else abs(change) <= STILL
