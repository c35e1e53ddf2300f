"""Let a simulated seeker answer the human recommender's turns of real dialogues, beside the person who did.

Every recommender turn that the human seeker answered gives one pair: the person's answer and the simulated one, after
the same human turns. The dialogue then goes on with the person's line, whatever the simulated seeker said. What it has
told about itself, and the film that it has asked about, a seeker remembers as in a conversation of its own: otherwise
it would tell its tastes at every turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from envs.catalog import Catalog
from envs.conversation import EVALUATION
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films
from envs.progress import OnStep
from envs.seekers.profile import first_lines
from envs.seekers.protocol import Seeker
from envs.turns.episodes import episode_rng
from envs.turns.replies import Reply
from envs.turns.state import ConversationState, Opening

AT_ONCE = 16
"""Turns that a seeker is asked to answer together."""

Exchange = tuple[Utterance, Utterance]
"""A recommender's turn and the person's answer to it."""


@dataclass(frozen=True, slots=True)
class GoldAnswer:
    """What a person and a simulated seeker answer to one recommender turn; films as ``@id``.

    Attributes:
        dialogue: index of the dialogue among those that were asked.
        person: the human seeker's words.
        simulated: the simulated seeker's words; empty if it failed.
        act: the simulated seeker's own name for what it does, as in ``SeekerTurn.act``.
        failure: why the simulated seeker could not answer; empty if it did.
    """

    dialogue: int
    person: str
    simulated: str
    act: str
    failure: str


def exchanges(dialogue: Dialogue) -> list[Exchange]:
    """The recommender turns that the human seeker answered, each with the answer, in order."""
    return [(said, answer) for said, answer in pairwise(dialogue.utterances) if said.role is Role.RECOMMENDER]


def gold_answers(
    seeker: Seeker, dialogues: Sequence[Dialogue], catalog: Catalog, longest: int, seed: int, on_step: OnStep
) -> list[GoldAnswer]:
    """Ask a seeker at every exchange of N dialogues.

    Args:
        seeker: the simulated one.
        dialogues: between people.
        catalog: their films.
        longest: characters of a turn that are read, at most.
        seed: of what the seeker draws.
        on_step: told of exchanges done, and of the seeker's failures among them.

    Returns:
        One pair an exchange, dialogue by dialogue.
    """
    rows = [exchanges(dialogue) for dialogue in dialogues]
    states = [_begun(index, dialogue, catalog, longest, seed) for index, dialogue in enumerate(dialogues)]
    answers: list[list[GoldAnswer]] = [[] for _ in rows]
    done = failed = 0
    for turn, asked in _batches(rows):
        for index in asked:
            states[index].add_reply(_as_reply(rows[index][turn][0].text, states[index]))
        for index, answer in zip(asked, seeker.answer([states[index] for index in asked]), strict=True):
            person = rows[index][turn][1].text
            states[index].add_answer(replace(answer, text=person))
            answers[index].append(GoldAnswer(index, person, answer.text, answer.act, answer.failure))
            failed += bool(answer.failure)
        done += len(asked)
        on_step(done, sum(map(len, rows)), {"failed": failed})
    return [answer for row in answers for answer in row]


def _batches(rows: Sequence[Sequence[Exchange]]) -> Iterator[tuple[int, list[int]]]:
    """All first turns, then all second ones, …: the turn's number, and the dialogues that are asked together."""
    for turn in range(max(map(len, rows), default=0)):
        open_rows = [index for index, row in enumerate(rows) if turn < len(row)]
        for first in range(0, len(open_rows), AT_ONCE):
            yield turn, open_rows[first : first + AT_ONCE]


def _begun(index: int, dialogue: Dialogue, catalog: Catalog, longest: int, seed: int) -> ConversationState:
    """A dialogue before its first recommender turn."""
    history = first_lines(dialogue).history
    state = ConversationState(
        episode=(EVALUATION, index),
        dialogue=dialogue,
        dialogue_index=index,
        rng=episode_rng(seed, (EVALUATION, index)),
        opening=Opening(history, position=len(history)),
        catalog=catalog,
        max_characters=longest,
    )
    state.show_history(len(history))
    return state


def _as_reply(text: str, state: ConversationState) -> Reply:
    """A human turn as a reply: its films are those named as ``@id`` or by title."""
    mentions = state.catalog.link(text)
    films = tuple(film for film in mentioned_films(mentions) if film in state.catalog)
    return Reply(state.render(text), mentions, films, cut=False, stripped=0, empty_slots=0)
