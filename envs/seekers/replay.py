"""A seeker that says the corpus's own lines; it starts at a recommender turn drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.dialogue import Dialogue, Role, mentioned_films
from envs.turns.state import ConversationState, Opening, SeekerTurn


class ReplaySeeker:
    """Says the human seeker's own lines in order; starts at a recommender turn drawn at random.

    Replay cannot react to replies that the corpus does not have, so its conversations end after few turns. A line that
    reacts to a film which nobody named in this conversation is counted as incoherent.
    """

    def __init__(self, horizon: int) -> None:
        """A seeker that answers ``horizon`` free recommender turns at most."""
        self._horizon = horizon

    @property
    def turns(self) -> int:
        """The most free recommender turns of a conversation."""
        return self._horizon

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """Draw a recommender turn uniformly; the history is all before it, or everything if no recommender speaks."""
        turns = dialogue.utterances
        indices = [index for index, utterance in enumerate(turns) if utterance.role is Role.RECOMMENDER]
        if not indices:
            return Opening(turns, position=len(turns))
        index = indices[int(rng.integers(len(indices)))]
        return Opening(turns[:index], turns[index].text, index)

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """Say the human's next line; end the conversation if the human recommender says nothing after it."""
        return [self._line(state) for state in states]

    def _line(self, state: ConversationState) -> SeekerTurn:
        turns = state.dialogue.utterances
        index = state.opening.position + 2 * len(state.turns) - 1
        if index >= len(turns):
            return SeekerTurn("", ended=True)
        return SeekerTurn(turns[index].text, ended=index + 1 >= len(turns), incoherent=_incoherent(state, index))


def _incoherent(state: ConversationState, index: int) -> bool:
    """Whether the human line at ``index`` reacts to a film that nobody has named in this conversation.

    It does in two cases: the human turn before it names films, none of which was named in this conversation; or it
    names a film that only the human recommender had brought up.
    """
    turns = state.dialogue.utterances
    replaced = [mentioned_films(turn.text) for turn in turns[state.opening.position : index : 2]]
    if replaced[-1] and state.named.keys().isdisjoint(replaced[-1]):
        return True
    unheard = {film for films in replaced for film in films} - state.named.keys()
    return not unheard.isdisjoint(mentioned_films(turns[index].text))
