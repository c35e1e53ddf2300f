"""Policies without a model, for comparison: they say fixed lines and name popular films, random films, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.catalog import Catalog
from envs.dialogue import Utterance, named_films
from envs.turns.episodes import Episode
from envs.vector_conversation import ConversationVectorEnv

NAMING = ("Hello! How about <movie>?", "Then maybe <movie>?", "What about <movie>?", "Would you like <movie>?")
"""Lines that name the best proposed film, one after the other."""
ASKING = (
    "Hello! What kind of films do you like?",
    "Which actors do you enjoy?",
    "What did you like about the last film that you saw?",
    "Do you prefer old films or new ones?",
)
"""Lines that ask and never name a film."""


class RandomFilms:
    """Proposes films drawn uniformly from the catalogue; one generator serves all calls."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        """Draw from these films."""
        self._films, self._rng = catalog.ids, np.random.default_rng([seed, 41])

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """Up to ``count`` films for each context that it does not name yet."""
        return [self._drawn(named_films(context), count) for context in contexts]

    def _drawn(self, named: set[int], count: int) -> list[int]:
        size = min(len(self._films), count + len(named))
        indices = self._rng.choice(len(self._films), size, replace=False)
        return [self._films[index] for index in indices if self._films[index] not in named][:count]


@dataclass(frozen=True, slots=True)
class Talk:
    """The result of one conversation.

    Attributes:
        episode: which one it was.
        turns: the recommender's.
        accepted: the film that the seeker accepted, None for none.
        findable: whether there was a film, after the seeker's first lines, that the seeker would accept.
        failure: why the seeker could not answer; empty if it always did.
    """

    episode: Episode
    turns: int
    accepted: int | None
    findable: bool
    failure: str


def play_script(env: ConversationVectorEnv, lines: Sequence[str], episodes: Sequence[Episode]) -> list[Talk]:
    """Play a script: say ``lines[turn]`` in every conversation, and start again when the lines run out.

    Args:
        env: the conversations, as many at once as it has rows; its recommender proposes the films of the slots.
        lines: what is said, slots as ``<movie>`` and ``<movie2>``.
        episodes: which conversations to have.

    Returns:
        One talk an episode, in the same order.
    """
    talks: list[Talk] = []
    for first in range(0, len(episodes), env.num_envs):
        batch = list(episodes[first : first + env.num_envs])
        env.reset(options={"reset_mask": np.arange(env.num_envs) < len(batch), "episodes": batch})
        states = [state for state in env.conversations[: len(batch)] if state is not None]
        findable = [not state.dialogue.profile.liked <= state.named.keys() for state in states]
        turn = 0
        while not all(state.over for state in states):
            env.step([lines[turn % len(lines)]] * env.num_envs)
            turn += 1
        for state, found in zip(states, findable, strict=True):
            answers = [turn.answer for turn in state.turns if turn.answer is not None]
            accepted = next((answer.accepted for answer in answers if answer.accepted is not None), None)
            failure = next((answer.failure for answer in answers if answer.failure), "")
            talks.append(Talk(state.episode, len(state.turns), accepted, found, failure))
    return talks
