"""What is read from a conversation, worked by hand: films with feelings, negated wishes, and where films were named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.readers.emotions import Emotions
from algorithms.recommender.features import NAMED_AS, PLACES, ContextFeatures, ContextReader
from envs.catalog import Catalog, Film
from envs.dialogue import HIDDEN, Role, Utterance
from envs.emotions import NINE

S, R = Role.SEEKER, Role.RECOMMENDER
CATALOG = Catalog(
    [
        Film(1, "Alien", 1979, ("horror", "sci-fi"), ("Ridley Scott",)),
        Film(2, "The Conjuring", 2013, ("horror",)),
        Film(3, "Okja"),
    ]
)


FELT = {"Loved it!": {"like": 0.75, "happy": 0.25}, "boring": {"negative": 1.0}}


class Feelings:
    """Emotions of a few lines, else neutral; keeps what it was given to read."""

    name = "feelings"

    def __init__(self) -> None:
        self.lines: list[str] = []

    def read(self, texts: Sequence[str]) -> Emotions:
        self.lines += texts
        rows = [FELT.get(text, {"neutral": 1.0}) for text in texts]
        nine = np.array([[row.get(name, 0.0) for name in NINE] for row in rows])
        none = np.zeros(len(texts))
        return Emotions(nine, none, none, none, none)


def read(*turns: tuple[Role, str]) -> ContextFeatures:
    return ContextReader(CATALOG, Feelings()).read([[Utterance(*turn) for turn in turns]])[0]


def group(reading: ContextFeatures, name: str) -> dict[str, float]:
    return {key.split(" ", 1)[1]: value for key, value in reading.features.items() if key.split(" ", 1)[0] == name}


def test_a_film_that_the_seeker_answers_has_the_feelings_of_the_answer() -> None:
    found = read((R, "Try @1"), (S, "Loved it!"), (R, "And @2 ?"), (S, "boring"), (R, "Sorry"), (S, "Loved it! @3"))
    felt = group(found, "felt")
    assert felt == {"like:1": 0.75, "happy:1": 0.25, "negative:2": 1.0, "like:3": 0.75, "happy:3": 0.25}
    assert group(found, "emotion") == {"like": 0.75, "happy": 0.25}, "of the last turn"
    assert group(found, "mood") == pytest.approx({"like": 1.5 / 3, "happy": 0.5 / 3, "negative": 1 / 3})


def test_a_turn_without_films_is_about_those_named_last() -> None:
    found = read((R, "@1"), (S, "ok"), (R, "@2"), (S, "ok"), (R, "Why?"), (S, "boring"))
    assert set(group(found, "felt")) == {"neutral:1", "neutral:2", "negative:2"}
    assert not group(read((S, "@99 was fun")), "felt"), "films that are not in the catalogue do not count"


def test_words_after_a_negation_are_wishes_of_their_own() -> None:
    found = read((S, "Something funny, not scary"), (R, "dogs?"), (S, "yes"))
    assert {"something", "funny", "not scary", "yes"} <= found.wishes
    assert not found.wishes & {"scary", "dogs"}
    assert set(group(found, "wish")) == found.wishes


def test_the_last_turn_stands_out() -> None:
    found = read((R, "Try @1 , a classic"), (S, "Is it a scary film?"))
    assert set(group(found, "asked")) == {"is", "it", "a", "scary", "film", "?"}
    assert set(group(found, "asked-pair")) == {"is it", "it a", "a scary", "scary film"}
    assert set(group(found, "told")) == {"try", "a", "classic"}
    assert group(found, "last-film") == {"1": 1.0}
    assert not group(found, "begun"), "the recommender does not speak yet"
    assert set(group(read((S, "hi"), (R, "Well then")), "begun")) == {"well", "then"}


def test_knowledge_of_the_films_named() -> None:
    found = set(group(read((S, "@1 @2 @3")), "knowledge"))
    assert found == {
        *("genre:horror", "genre:sci-fi", "person:Ridley Scott", "period:1975", "period:2010", "period:unknown")
    }


def test_how_a_film_was_named() -> None:
    found = read((S, "@1"), (R, "@2"), (S, "@1 again"), (R, "@3"), (S, "ok")).named
    # answered: the turn that named last is one back; by the recommender 2 x PLACES more, a second time PLACES more
    assert found == {1: 1 * PLACES + 2, 2: 2 * PLACES + 3, 3: 2 * PLACES + 1}
    assert read((S, "hi"), (R, "@3")).named == {3: 2 * PLACES}, "in the last turn of all"
    assert not read((S, "@99")).named


def test_equal_turns_are_read_once() -> None:
    feelings = Feelings()
    long = [Utterance(S, "Loved it!"), Utterance(R, "Loved it!"), Utterance(S, "boring")]
    reader = ContextReader(CATALOG, feelings)
    alone = [reader.read([long[:count]])[0] for count in range(4)]
    feelings.lines.clear()
    assert reader.read([long[:count] for count in range(4)]) == alone
    assert Counter(feelings.lines) == {"Loved it!": 1, "boring": 1}


WORDS = ["@1", "@2", "@3", "@99", "scary", "not", "funny", "boring", "?", "I"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
TURNS = st.lists(st.tuples(st.sampled_from([S, R]), TEXTS), max_size=6)


@settings(max_examples=60, deadline=None)
@given(TURNS)
def test_the_squares_of_a_group_of_equals_sum_to_one(turns: list[tuple[Role, str]]) -> None:
    found = read(*turns)
    equals = ("wish", "asked", "asked-pair", "told", "begun", "seeker-film", "recommender-film", "last-film")
    for name in (*equals, "knowledge", "named", "turns"):
        values = np.array(list(group(found, name).values()))
        assert not len(values) or (values**2).sum() == pytest.approx(1.0)
    assert all(0 <= way < NAMED_AS for way in found.named.values())
    assert all(0 < value <= 1 + 1e-9 for value in found.features.values())


def test_the_last_turn_tells_whether_named_films_come_again() -> None:
    found = read((S, "I liked @1"), (R, "And @2 ?"), (S, "Is it scary? Is it?")).last
    assert found == {
        "seeker says is": 1.0,
        "seeker says it": 1.0,
        "seeker says scary": 1.0,
        "seeker films 0": 1.0,
        "seeker words 1": 1.0,
        "seeker asks 1": 1.0,
        "turns 3": 1.0,
        "named 2": 1.0,
        "emotion neutral": 1.0,
    }
    assert not read((S, "Is it scary?")).last, "no film is named"


def test_what_stands_around_a_hidden_film_is_read() -> None:
    turns = ((S, "I liked @1"), (R, f"Then {HIDDEN} is fun"), (S, "Who directed?"), (R, "@2 too"), (S, "bye"))
    found = read(*turns)
    assert set(group(found, "hidden")) == {"recommender", "then", "is", "fun"}
    assert set(group(found, "hidden-pair")) == {"then is", "is fun"}
    assert set(group(found, "hidden-before")) == {"i", "liked"}
    assert set(group(found, "hidden-after")) == {"who", "directed"}
    assert set(group(found, "hidden-near")) == {"1", "2"}
    assert not any(name.startswith("hidden") for name in read(turns[0], *turns[2:]).features)
