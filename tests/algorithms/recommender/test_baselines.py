"""The baseline rows: what each ranks first, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from algorithms.recommender.baselines import LastFilms, NearestDialogues, Popularity
from algorithms.recommender.scorer import FilmScorer, ranked
from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Message, Role, Utterance, mentioned_films

CATALOG = Catalog(Film(film, f"Film {film}") for film in range(1, 6))
S, R = Role.SEEKER, Role.RECOMMENDER


def dialogue(*messages: tuple[Role, str]) -> Dialogue:
    films = [film for _, text in messages for film in mentioned_films(text)]
    return Dialogue(None, 0, tuple(Message(*message) for message in messages), dict.fromkeys(films, ""))


DIALOGUES = [
    dialogue((S, "scary please @1 @1"), (R, "@4")),
    dialogue((S, "funny please"), (R, "@4"), (R, "@3")),
    dialogue((S, "funny funny dogs please"), (R, "@5")),
]


def order(scorer: FilmScorer, *context: tuple[Role, str]) -> list[int]:
    scores = scorer.scores([[Utterance(*turn) for turn in context]])
    assert scores.dtype == np.float32 and scores.shape == (1, 5)
    return ranked(scores, np.array(CATALOG.ids), 5)[0]


def test_popularity_counts_what_recommenders_name() -> None:
    fitted = Popularity.fit(DIALOGUES, CATALOG)
    assert order(fitted, (S, "@1")) == [4, 3, 5, 1, 2]
    assert np.exp(fitted.scores([[]]))[0] == pytest.approx(np.array([0.5, 0.5, 1.5, 2.5, 1.5]) / 6.5)


def test_the_last_films_come_first_then_popular_ones() -> None:
    fitted = LastFilms.fit(DIALOGUES, CATALOG)
    assert order(fitted, (S, "@2 and @1"), (R, "@5 @99"), (S, "@2 again")) == [2, 5, 1, 4, 3]
    assert order(fitted) == [4, 3, 5, 1, 2]


def test_bm25_worked_by_hand() -> None:
    """Of three dialogues with 5, 4 and 5 tokens, ``funny`` stands in two and ``dogs`` in one."""
    fitted = NearestDialogues.fit(DIALOGUES, CATALOG)
    scores = fitted.scores([[Utterance(S, "Funny, dogs! Funny?")]])[0]

    def weight(having: int, count: int, length: int) -> float:
        rarity = math.log(1 + (3 - having + 0.5) / (having + 0.5))
        return rarity * count / (count + 1.2 * (0.25 + 0.75 * length / (14 / 3)))

    second, third = weight(2, 1, 4), weight(2, 2, 5) + weight(1, 1, 5)
    assert scores[[2, 3, 4]] == pytest.approx([second, second, third], abs=1e-4)
    assert scores[[0, 1]] == pytest.approx([0.0, 0.0], abs=1e-4)


def test_bm25_reads_films_too_and_only_the_nearest_dialogues_speak() -> None:
    near = NearestDialogues.fit(DIALOGUES, CATALOG, nearest=1)
    assert order(near, (S, "please, like @1")) == [4, 1, 3, 5, 2], "the first dialogue, then popularity"
    assert order(near, (S, "nothing known")) == [4, 3, 5, 1, 2], "popularity decides"
