"""Divide people's ratings: the critic's part, and those of the evaluators that select and that report.

What is learnt from must not be judged on. The division is by group, that is by dialogue or post, and depends on nothing
but the seed and the group's own name, so that it stays when records are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from typing import Literal

from envs.errors import ConfigError
from envs.ratings.record import TEXT_GROUP

Part = Literal["critic", "selecting", "reporting"]
"""Who may use a group: the critic learns, an evaluator chooses checkpoints, another one reports."""
Keep = Callable[[str, str], bool]
"""Whether a group (first) of the set of this name (second) may be used."""
SHARES: dict[Part, float] = {"critic": 0.6, "selecting": 0.2, "reporting": 0.2}
"""The share of the groups of each part."""
EVALUATORS_PARTS: tuple[Part, Part] = ("selecting", "reporting")
"""The parts of the two evaluators of people."""
_FAMILIES = {"ab-redial": "redial", "ab-redial-dialogues": "redial", "crs-que": "redial"}
"""Sets of ReDial's dialogues: one name of a dialogue falls into one part in all of them."""
_SAME_NAMES = frozenset({"ab-redial", "ab-redial-dialogues"})
"""Sets that name a dialogue alike, so that what is learnt from one is learnt from the other."""
_CONVERSATIONS = {"KU": "2737"}
"""AB-ReDial's names of dialogues that CRS-Que rates too, under ReDial's ``conversationId``: it is one of 200."""


def part_of(group: str, name: str, seed: int) -> Part:
    """The part that a group belongs to.

    A hash of seed, origin and group, as a number in [0, 1), is held against the shares.

    Args:
        group: the record's ``group``. Of a group that is known by its text the set does not matter: equal posts fall
            into one part whatever set they stand in.
        name: the set's ``name``; sets that rate the same dialogues are one origin.
        seed: another seed divides otherwise.
    """
    position, bound = _position("part", group, name, seed), 0.0
    for part, share in SHARES.items():
        bound += share
        if position < bound:
            return part
    return "reporting"


def only(part: Part, seed: int) -> Keep:
    """Keeps the groups of one part."""
    return lambda group, name: part_of(group, name, seed) == part


def fold_of(group: str, name: str, seed: int, folds: int) -> int:
    """The fold, 0 to ``folds`` - 1, that a group belongs to; it depends on the same as ``part_of``, not on the part.

    Raises:
        ConfigError: fewer than two folds.
    """
    if folds < 2:
        raise ConfigError(f"cannot divide into {folds} folds; take 2 or more")
    return min(int(_position("fold", group, name, seed) * folds), folds - 1)


def unseen(group: str, name: str, learnt: Collection[str], seed: int) -> bool:
    """Whether what learnt from the critic's part of some sets may be judged on a group: it is in the part that reports.

    Args:
        group: the record's ``group``.
        name: its set's ``name``.
        learnt: the names of the sets; a group of any other set may be judged on, unless it is a dialogue of these.
        seed: the seed of the division.
    """
    twins = _SAME_NAMES if name in _SAME_NAMES else frozenset((name,))
    family = {other for other, origin in _FAMILIES.items() if origin == _FAMILIES.get(name)}
    shared = bool(family & set(learnt)) and group in {*_CONVERSATIONS, *_CONVERSATIONS.values()}
    if shared or twins & set(learnt):
        return part_of(group, name, seed) == "reporting"
    return True


def share_dialogues(first: str, second: str) -> bool:
    """Whether two sets rate the same dialogues, so that leaving one out means leaving out both."""
    return first == second or {first, second} <= _SAME_NAMES


def groups_of(part: Part, groups: Iterable[str], name: str, seed: int) -> frozenset[str]:
    """Those of the groups that belong to a part."""
    return frozenset(group for group in groups if part_of(group, name, seed) == part)


def _position(purpose: str, group: str, name: str, seed: int) -> float:
    """A number in [0, 1), even over groups."""
    origin = "" if group.startswith(TEXT_GROUP) else _FAMILIES.get(name, name)
    group = _CONVERSATIONS.get(group, group) if origin == "redial" else group
    digest = hashlib.sha256("\0".join((purpose, str(seed), origin, group)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
