"""A world of six films and three dialogues, and judges and recommenders that count how they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from envs.catalog import Catalog, Film
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role, Utterance, mentioned_films
from envs.heads import Exchange, HeadScores
from envs.turns.proposals import FilmRecommender
from tests.known_heads import HEADS

CONJURING, TOY_STORY, HEAT, NOTEBOOK, ALIEN, UP = 11, 12, 13, 14, 15, 16


def six_films() -> Catalog:
    return Catalog(
        [
            Film(CONJURING, "The Conjuring", 2013, ("horror", "mystery"), mentions=9),
            Film(TOY_STORY, "Toy Story", 1995, ("animation", "comedy"), mentions=8),
            Film(HEAT, "Heat", 1995, ("crime", "thriller"), mentions=7),
            Film(NOTEBOOK, "The Notebook", 2004, ("romance",), mentions=6),
            Film(ALIEN, "Alien", 1979, ("horror", "sci-fi"), mentions=5),
            Film(UP, "Up", 2009, ("animation",), mentions=4),
        ]
    )


def feedback(liked: Answer, seen: Answer = Answer.NO) -> Feedback:
    return Feedback(suggested=True, seen=seen, liked=liked)


def dialogue(lines: str, index: int = 0, **fields: Any) -> Dialogue:
    """A dialogue from lines such as ``S: Hello`` and ``R: Try @11``."""
    roles = {"S": Role.SEEKER, "R": Role.RECOMMENDER}
    messages = tuple(Message(roles[line[0]], line[3:]) for line in lines.strip().splitlines())
    named = {film for message in messages for film in mentioned_films(message.text)}
    titles = {film: six_films().title(film) for film in named if film in six_films()}
    return Dialogue(1000 + index, index, messages, titles, **fields)


def seeker_opens(**fields: Any) -> Dialogue:
    """The seeker opens; human turns S R S R S R S."""
    return dialogue(
        "S: Hi\nS: I loved @12\nR: Try @11 then\nS: I have not seen it, tell me more\nR: It has ghosts\n"
        "S: Sounds scary\nR: What about @13 ?\nS: I would watch @13 any day, bye",
        **fields,
    )


def recommender_opens(**fields: Any) -> Dialogue:
    return dialogue("R: Hello!\nS: Hi, something romantic?\nR: @14 is lovely\nS: Thanks, bye", 1, **fields)


def three_dialogues() -> list[Dialogue]:
    profile = {
        CONJURING: feedback(Answer.YES),
        TOY_STORY: feedback(Answer.YES, Answer.YES),
        HEAT: feedback(Answer.NO),
    }
    return [
        seeker_opens(seeker_form=profile),
        recommender_opens(seeker_form={NOTEBOOK: feedback(Answer.YES)}, mood="sad", dislikes=("horror",)),
        dialogue("S: Good evening\nR: Good evening\nS: A crime film, please\nR: @13\nS: Great", 2, tastes=("crime",)),
    ]


class CountingJudge:
    """Gives every head the same score and keeps the batches it was asked for."""

    def __init__(self, score: float = 0.75) -> None:
        self.value = score
        self.batches: list[list[Exchange]] = []

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        self.batches.append(list(exchanges))
        mean = np.full((len(exchanges), len(HEADS)), self.value)
        return HeadScores(mean, np.zeros_like(mean), HEADS)


class ScriptedRecommender:
    """Proposes fixed films, whatever was said, and keeps what it was shown."""

    def __init__(self, *films: int) -> None:
        self.films = films
        self.calls: list[list[Sequence[Utterance]]] = []

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        self.calls.append(list(contexts))
        return [list(self.films[:count]) for _ in contexts]


class EvenAndOdd:
    """One recommender for dialogues of even index, and one for the others."""

    def __init__(self, even: FilmRecommender, odd: FilmRecommender) -> None:
        self._pair = (even, odd)

    def for_dialogue(self, dialogue: Dialogue) -> FilmRecommender:
        return self._pair[dialogue.index % 2]


class ScriptedPlanner:
    """Plans fixed emotions, whatever was said, and keeps what it was shown."""

    def __init__(self, *emotions: str) -> None:
        self.emotions = emotions
        self.calls: list[list[Sequence[Utterance]]] = []

    def plan(self, contexts: Sequence[Sequence[Utterance]]) -> list[tuple[str, ...]]:
        self.calls.append(list(contexts))
        return [self.emotions for _ in contexts]
