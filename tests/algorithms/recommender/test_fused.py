"""Scores of networks and evidence together, by hand, and several networks as one."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.emotions import LexiconEmotions
from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.fused import Evidence, FusedScorer, Vocabulary, joined
from algorithms.recommender.network import NetworkWeights
from algorithms.recommender.reading import NAMED_AS, PLACES, ContextReader
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance

CATALOG = Catalog(Film(film, f"Film {film}") for film in (10, 20, 30))
READER = ContextReader(CATALOG, LexiconEmotions())
VOCABULARY = Vocabulary(["seeker-film 10", "wish scary", "turns 1"])
CONTEXTS = [
    [],
    [Utterance(Role.SEEKER, "Scary as @10")],
    [Utterance(Role.SEEKER, "hi"), Utterance(Role.RECOMMENDER, "@20 or @30 ?")],
    [Utterance(Role.SEEKER, "@99 and @10 , @20")],
]


def weights(seed: int, width: int = 2) -> NetworkWeights:
    rng = np.random.default_rng(seed)
    shapes = ((3, width), (3, width), (3,), (NAMED_AS, width + 1))
    return NetworkWeights(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def scorer(of: NetworkWeights, evidence: Evidence | None = None) -> FusedScorer:
    return FusedScorer(CATALOG, READER, VOCABULARY, of, evidence)


def test_a_joined_network_scores_the_mean() -> None:
    one, two, three = weights(0), weights(1, 3), weights(2)
    mean = np.mean([scorer(each).scores(CONTEXTS) for each in (one, two, three)], axis=0)
    assert scorer(joined([one, two, three])).scores(CONTEXTS) == pytest.approx(mean, abs=1e-5)
    assert scorer(joined([one])).scores(CONTEXTS) == pytest.approx(scorer(one).scores(CONTEXTS), abs=1e-6)


def test_scores_worked_by_hand() -> None:
    of = weights(3)
    empty, scary = scorer(of).scores(CONTEXTS[:2])
    assert empty == pytest.approx(of.bias)
    # "scary as": each wish has 1 / sqrt(2); film 10 stands in the last turn, named once, by the seeker: way 0
    h = of.inputs[0] + 2**-0.5 * of.inputs[1] + of.inputs[2]
    expected = of.films @ h + of.bias
    expected[0] += of.named[0, :2] @ h + of.named[0, 2]
    assert scary == pytest.approx(expected, abs=1e-5)
    later = scorer(of).scores(CONTEXTS)[2] - scorer(of).scores([[]])[0]
    assert later == pytest.approx([0.0, *[of.named[2 * PLACES, 2]] * 2], abs=1e-5), "no known feature: the constant"


def test_evidence_counts_by_its_logarithm_and_films_named_have_their_own() -> None:
    ridge = DialogueRidge.fit([{0, 1}] * 9 + [{2}], [set()] * 10, 3, 2.0, 1.0)
    of = weights(4)
    for_film = ridge.of([0], [])
    assert for_film[1] > 0 == for_film[2]
    found = scorer(of, Evidence(ridge, 1.5, 0.01, 0.1)).scores(CONTEXTS[:2]) - scorer(of).scores(CONTEXTS[:2])
    assert found[0] == pytest.approx(np.full(3, 1.5 * np.log(0.01))), "the same of every film"
    assert found[1] == pytest.approx(1.5 * np.log(np.array([0.1, for_film[1], 0.0]) + 0.01), abs=1e-5)


def test_what_stands_in_few_conversations_does_not_count() -> None:
    found = Vocabulary.of([{"b": 1.0, "a": 0.5}, {"b": 0.5, "c": 1.0}, {"a": 1.0}], rare=2)
    assert list(found.columns) == ["a", "b"]
    assert found.rows([{"b": 0.5, "c": 1.0}, {}]).toarray().tolist() == [[0.0, 0.5], [0.0, 0.0]]


def test_no_context_gives_no_scores() -> None:
    assert scorer(weights(0)).scores([]).shape == (0, 3)
