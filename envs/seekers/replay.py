"""A seeker that says the corpus's own lines; it starts at a recommender turn drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from envs.dialogue import Dialogue, Role, mentioned_films
from envs.turns.state import ConversationState, Opening, SeekerTurn


class ReplaySeeker:
    """Says what the human seeker said in its place; starts at a recommender turn drawn at random.

    Replay cannot answer what the corpus never heard, so it runs for few turns only, and a line that reacts to a film
    which nobody named here is counted as incoherent.
    """

    def __init__(self, horizon: int) -> None:
        """A seeker that answers ``horizon`` free recommender turns at most."""
        self._horizon = horizon

    @property
    def turns(self) -> int:
        """Free recommender turns at most."""
        return self._horizon

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """A uniformly drawn recommender turn, with everything before it; all turns where no recommender speaks."""
        turns = dialogue.utterances
        places = [place for place, utterance in enumerate(turns) if utterance.role is Role.RECOMMENDER]
        if not places:
            return Opening(turns, position=len(turns))
        place = places[int(rng.integers(len(places)))]
        return Opening(turns[:place], turns[place].text, place)

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """The human's next line; the conversation ends with it where the human recommender says nothing after it."""
        return [self._line(state) for state in states]

    def _line(self, state: ConversationState) -> SeekerTurn:
        turns = state.dialogue.utterances
        place = state.opening.position + 2 * len(state.turns) - 1
        if place >= len(turns):
            return SeekerTurn("", ended=True)
        return SeekerTurn(turns[place].text, ended=place + 1 >= len(turns), incoherent=_incoherent(state, place))


def _incoherent(state: ConversationState, place: int) -> bool:
    """Whether the human line at ``place`` reacts to a film that nobody has named here.

    It does when the human turn before it names films, none of which was named here, or when it names a film itself
    that only the human recommender had brought up.
    """
    turns = state.dialogue.utterances
    replaced = [mentioned_films(turn.text) for turn in turns[state.opening.position : place : 2]]
    if replaced[-1] and state.named.keys().isdisjoint(replaced[-1]):
        return True
    unheard = {film for films in replaced for film in films} - state.named.keys()
    return not unheard.isdisjoint(mentioned_films(turns[place].text))
