"""A seeker whose lines a language model writes: the agenda decides what it does, the model how it says so.

The prompt tells the model genres, people and period of what the seeker likes, and never a title. Its text is cut to one
turn, and sentences that name a film which nobody has named are dropped. The dialogue's liked films decide whether a
film is accepted, before the model writes; its text does not change that.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence

import numpy as np

from envs.catalog import Catalog
from envs.dialogue import MENTION, Dialogue, mentioned_films
from envs.errors import ModelError
from envs.film_text.spoken_titles import speaks_of
from envs.model_text.written_line import LONGEST_LINE, NOTHING, SENTENCE, read_line
from envs.seekers.agenda import Move, SeekerAgenda
from envs.seekers.profile import first_lines
from envs.seekers.prompt import QUIET, seeker_prompt
from envs.turns.state import ConversationState, Opening, SeekerTurn

log = logging.getLogger(__name__)

Generate = Callable[[list[str]], list[str]]
"""Maps N prompts to N continuations; a continuation is empty if the model gave none."""
ATTEMPTS = 3
"""How often the seeker asks for a line before it gives up."""
UNSAYABLE = "the model wrote nothing that a seeker may say"
"""Why a line cannot be said; ``envs.model_text.written_line`` names the reasons why there is none."""


class ModelSeeker:
    """Follows ``SeekerAgenda`` and speaks in a language model's words.

    When the model gives no usable line, the turn says why in ``failure`` and the conversation is over.
    Success rates leave such conversations out; reports count them.
    """

    def __init__(self, catalog: Catalog, max_turns: int, generate: Generate) -> None:
        """A seeker that stays for ``max_turns`` recommender turns at most and speaks through ``generate``."""
        self._max_turns, self._generate = max_turns, generate
        self._agenda = SeekerAgenda(catalog)

    @property
    def turns(self) -> int:
        """The most free recommender turns of a conversation."""
        return self._max_turns

    def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
        """The human seeker's lines before the recommender's first one; none if the recommender opens."""
        return first_lines(dialogue)

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """Decide all answers, and let the model put them into words, in one batch for each attempt.

        Raises:
            ModelError: the model gives another number of lines than it was asked for.
        """
        moves = [self._agenda.move(state) for state in states]
        prompts = [self._prompt(state, move) for state, move in zip(states, moves, strict=True)]
        lines, failures = [""] * len(states), [NOTHING] * len(states)
        for attempt in range(ATTEMPTS):
            open_rows = [row for row, line in enumerate(lines) if not line]
            # The prompt must change: the model may answer the same prompt in the same way.
            asked = [prompts[row] if not attempt else f"{QUIET * attempt}{prompts[row]}" for row in open_rows]
            for row, written in zip(open_rows, self._written(asked), strict=True):
                lines[row] = spoken(written, states[row])
                failures[row] = read_line(written).failure or UNSAYABLE
        turns = [
            move.said(line) if line else SeekerTurn("", act=move.act, failure=failure)
            for move, line, failure in zip(moves, lines, failures, strict=True)
        ]
        for state, turn in zip(states, turns, strict=True):
            if turn.failure:
                log.warning("no answer in conversation %s, turn %d: %s", state.episode, len(state.turns), turn.failure)
        return turns

    def _prompt(self, state: ConversationState, move: Move) -> str:
        return seeker_prompt(state, move, self._agenda.attributes(state.dialogue))

    def _written(self, prompts: list[str]) -> list[str]:
        written = self._generate(prompts) if prompts else []
        if len(written) != len(prompts):
            raise ModelError(f"the seeker's model answered {len(prompts)} prompts with {len(written)} lines")
        return written


def spoken(written: str, state: ConversationState) -> str:
    """Clean what a model wrote to one turn of the seeker, films as ``@id``; empty if no sentence is left.

    It takes the line that ``read_line`` finds, up to ``LONGEST_LINE`` characters in whole sentences, and drops
    sentences with a film that nobody has named.
    """
    line = read_line(written).text
    sentences = SENTENCE.split(state.catalog.link(line))
    if len(sentences) > 1 and sentences[-1][-1:] not in ".!?":
        sentences.pop()  # it was cut
    kept = ""
    for sentence in sentences:
        if not _gives_away(sentence, state) and len(kept) + len(sentence) <= LONGEST_LINE:
            kept = f"{kept} {sentence}".strip()
    # Joining sentences may form a title across their border.
    return "" if not re.search(r"\w", kept) or _gives_away(kept, state) else kept


def _gives_away(text: str, state: ConversationState) -> bool:
    """Whether a text, films as ``@id``, names a film that nobody has named in the conversation."""
    shown = state.catalog.render(text)
    if not {*mentioned_films(text), *state.catalog.find(shown)} <= state.named.keys():
        return True
    unnamed = (film for film in state.dialogue.profile.liked if film not in state.named and film in state.catalog)
    words = MENTION.sub(" ", text)
    return any(speaks_of(words, state.catalog[film].title) for film in unnamed)
