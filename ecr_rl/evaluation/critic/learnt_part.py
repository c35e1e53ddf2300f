"""What a critic learnt from ratings of people: its card says it, so that no evaluation judges it on that part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from algorithms.critic.critic import CARD
from algorithms.weight_hashes import read_card
from envs.errors import ModelError


@dataclass(frozen=True, slots=True)
class LearntPart:
    """The critic's part of some sets of ratings.

    Attributes:
        seed: of the division into parts.
        sets: names of the sets.
    """

    seed: int
    sets: frozenset[str]


def learnt_part(folder: Path) -> LearntPart | None:
    """What the card of a critic's folder says under ``people``: ``{"seed": 0, "sets": {"ab-redial": …}}``.

    Returns:
        None for a critic that learnt from no ratings of people.

    Raises:
        ModelError: the entry is of another form.
    """
    entry = read_card(folder / CARD).get("people")
    if entry is None:
        return None
    seed, sets = (entry.get("seed"), entry.get("sets")) if isinstance(entry, dict) else (None, None)
    if not isinstance(seed, int) or not isinstance(sets, dict):
        raise ModelError(
            f"{folder / CARD}: the field people must hold a seed and sets, or nobody knows what the critic may be "
            "judged on. Train the critic again"
        )
    return LearntPart(seed, frozenset(sets))
