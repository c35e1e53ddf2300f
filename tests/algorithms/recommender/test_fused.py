"""Scores of networks and evidence together, by hand, and several networks as one."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.readers.emotions import LexiconEmotions
from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.features import NAMED_AS, PLACES, ContextReader
from algorithms.recommender.fused import Again, FilmEvidence, FusedScorer, joined
from algorithms.recommender.network import NetworkWeights
from algorithms.recommender.repeat_chance import RepeatChance
from algorithms.recommender.vocabulary import Vocabulary
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
    shapes = ((3, width), (3, width), (3,))
    return NetworkWeights(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


def scorer(of: NetworkWeights, evidence: FilmEvidence | None = None) -> FusedScorer:
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
    # "scary as": each wish has 1 / sqrt(2)
    h = of.inputs[0] + 2**-0.5 * of.inputs[1] + of.inputs[2]
    assert scary == pytest.approx(of.films @ h + of.bias, abs=1e-5)


def test_evidence_counts_by_its_logarithm() -> None:
    ridge = DialogueRidge.fit([{0, 1}] * 9 + [{2}], [set()] * 10, 3, 2.0, 1.0)
    of = weights(4)
    for_film = ridge.of([0], [])
    assert for_film[1] > 0 == for_film[2]
    found = scorer(of, FilmEvidence(ridge, 1.5, 0.01)).scores(CONTEXTS[:2]) - scorer(of).scores(CONTEXTS[:2])
    assert found[0] == pytest.approx(np.full(3, 1.5 * np.log(0.01))), "the same of every film"
    assert found[1] == pytest.approx(1.5 * np.log(np.maximum(0.0, for_film) + 0.01), abs=1e-5)


def test_named_films_have_their_chance_and_new_ones_share_by_the_power() -> None:
    """ "Scary as @10": sigmoid(w . "says scary" + v) of the way of a film in the seeker's last turn; 99 is unknown."""
    places, ways = np.zeros((PLACES, 1), np.float32), np.zeros(NAMED_AS, np.float32)
    places[0], ways[0] = 2.0, -0.5
    again = Again(RepeatChance(Vocabulary(["seeker says scary"]), places, ways), 0.5)
    of = weights(5)
    plain, found = (FusedScorer(CATALOG, READER, VOCABULARY, of, None, a).scores(CONTEXTS) for a in (None, again))
    assert np.exp(found[1][0]) == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert np.exp(found[1][1:]).sum() == pytest.approx(1.0), "shares of the new films"
    assert found[1][1] - found[1][2] == pytest.approx(0.5 * (plain[1][1] - plain[1][2]), abs=1e-5)
    assert np.exp(found[0]).sum() == pytest.approx(1.0), "no film is named"


def test_a_context_that_names_the_whole_catalogue_is_scored() -> None:
    again = Again(RepeatChance(Vocabulary([]), np.zeros((PLACES, 0), np.float32), np.zeros(NAMED_AS, np.float32)), 0.5)
    found = FusedScorer(CATALOG, READER, VOCABULARY, weights(5), None, again).scores(
        [[Utterance(Role.SEEKER, "@10 @20 @30")]]
    )
    assert np.exp(found) == pytest.approx(np.full((1, 3), 0.5))


def test_what_stands_in_few_conversations_does_not_count() -> None:
    found = Vocabulary.of([{"b": 1.0, "a": 0.5}, {"b": 0.5, "c": 1.0}, {"a": 1.0}], rare=2)
    assert list(found.columns) == ["a", "b"]
    assert found.rows([{"b": 0.5, "c": 1.0}, {}]).toarray().tolist() == [[0.0, 0.5], [0.0, 0.0]]


def test_no_context_gives_no_scores() -> None:
    assert scorer(weights(0)).scores([]).shape == (0, 3)
