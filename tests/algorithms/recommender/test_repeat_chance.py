"""Whether a named film comes again: learnt from what the last turn says, and from where and how it was named."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.readers.emotions import LexiconEmotions
from algorithms.recommender.features import NAMED_AS, PLACES, ContextFeatures, ContextReader
from algorithms.recommender.repeat_chance import RepeatChance
from algorithms.recommender.vocabulary import Vocabulary
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance

READER = ContextReader(Catalog(Film(film, f"Film {film}") for film in (1, 2)), LexiconEmotions())


def reading(answer: str, films: str = "@1") -> ContextFeatures:
    return READER.read([[Utterance(Role.RECOMMENDER, f"Try {films}"), Utterance(Role.SEEKER, answer)]])[0]


ASKS, DECLINES = reading("is it scary"), reading("seen it")
LEARNT = RepeatChance.fit([ASKS, DECLINES] * 30, [{1}, {2}] * 30, 1.0)


def chances(of: RepeatChance, asked: ContextFeatures) -> list[float]:
    return np.exp(of.log_chances(asked)).tolist()


def test_what_the_last_turn_says_decides() -> None:
    (asked,), (declined,) = chances(LEARNT, ASKS), chances(LEARNT, DECLINES)
    assert asked > 0.8 > 0.2 > declined


def test_each_named_film_has_a_chance_in_its_order() -> None:
    found = RepeatChance(Vocabulary([]), np.zeros((PLACES, 0), np.float32), np.arange(NAMED_AS, dtype=np.float32) / 10)
    both = READER.read([[Utterance(Role.SEEKER, "@1"), Utterance(Role.RECOMMENDER, "@2"), Utterance(Role.SEEKER, "?")]])
    ways = np.array(list(both[0].named.values()))
    assert chances(found, both[0]) == pytest.approx((1 / (1 + np.exp(-ways / 10))).tolist())
    assert chances(found, reading("yes", films="none")) == []


def test_weights_worked_by_hand() -> None:
    """One way and no features: the odds are those of the count, pulled to even by ``pull x weight``."""
    few = [reading("yes")] * 8  # too few for a word to count
    found = RepeatChance.fit(few, [{1}] * 6 + [set()] * 2, 2.0)
    assert not found.vocabulary.columns
    (way,) = set(few[0].named.values())
    weight = float(found.ways[way])
    assert 6 - 8 / (1 + np.exp(-weight)) == pytest.approx(2.0 * weight, abs=1e-3), "the gradient vanishes"
    assert np.delete(found.ways, way) == pytest.approx(0.0)


def test_nothing_to_learn_from_gives_even_chances() -> None:
    found = RepeatChance.fit([], [], 1.0)
    assert chances(found, ASKS) == [0.5]
