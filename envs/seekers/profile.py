"""The seeker with an agenda, which speaks in fixed sentences; its dialogue's questionnaires say what it likes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role
from envs.seekers.agenda import Move, SeekerAgenda
from envs.seekers.lines import FEELINGS, LINES, REACTIONS, Act
from envs.turns.state import ConversationState, Opening, SeekerTurn

_SHOWN = 0.5
"""Probability that a further sentence shows what the seeker feels about a film."""


class ProfileSeeker:
    """Follows ``SeekerAgenda`` and says so in sentences of ``envs.seekers.lines``.

    It opens with the human seeker's first lines. It never names a film that nobody has named in the conversation.
    """

    def __init__(self, catalog: Catalog, max_turns: int) -> None:
        """A seeker that stays for ``max_turns`` recommender turns at most."""
        self._agenda = SeekerAgenda(catalog)
        self._max_turns = max_turns

    @property
    def turns(self) -> int:
        """The most free recommender turns of a conversation."""
        return self._max_turns

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """The human seeker's lines before the recommender's first one; none if the recommender opens."""
        return first_lines(dialogue)

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """React to the films that each reply names; if it names none, to what the reply says or asks."""
        moves = [self._agenda.move(state) for state in states]
        return [move.said(_spoken(move, state.rng)) for move, state in zip(moves, states, strict=True)]


def first_lines(dialogue: Dialogue) -> Opening:
    """An opening with the human seeker's lines before the recommender's first one."""
    return Opening(tuple(takewhile(lambda turn: turn.role is Role.SEEKER, dialogue.utterances)))


def _spoken(move: Move, rng: np.random.Generator) -> str:
    words = {
        "film": f"@{move.film}",
        "genre": move.genre,
        "mood": move.mood or "",
        "tastes": " and ".join(move.tastes),
        "dislikes": " and ".join(move.dislikes),
        "people": " and ".join(move.people),
    }
    acts = move.acts if move.accepted is None else (*move.acts, Act.GOODBYE)
    lines = [_drawn(LINES[act], rng).format(**words) for act in acts]
    feelings = FEELINGS[move.emotion]
    if feelings and move.act in REACTIONS and rng.random() < _SHOWN:
        lines.insert(0, _drawn(feelings, rng))
    return " ".join(line[0].upper() + line[1:] for line in lines)


def _drawn(lines: Sequence[str], rng: np.random.Generator) -> str:
    return lines[int(rng.integers(len(lines)))]
