"""Figures of recommendation, each against a case worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score, roc_auc_score, top_k_accuracy_score

from ecr_rl.evaluation.bootstrap import Auc
from ecr_rl.evaluation.recommender.recommendation_figures import (
    Recommendations,
    batched_auc,
    dialogue_statistics,
    ranking_statistics,
    ranks_of,
)

BELOW = math.inf
# Dialogue 0 has the cases 0 (two mentions) and 1, dialogue 1 the case 2; dialogue 2 has none.
FOUND = Recommendations(
    ranks=np.array([1.0, 3.0, 20.0, BELOW]),
    scores=np.array([-1.0, -2.0, -3.0, -2.0]),
    liking=np.array([0.5, 0.5, 0.0, -1.0]),
    liked=np.array([True, False, True, False]),
    disliked=np.array([False, True, False, True]),
    cases=np.array([0, 0, 1, 2]),
    dialogues=np.array([0, 0, 1]),
    top_liked=np.array([True, True, False]),
    top_seen=np.array([True, False, True]),
    top_hit=np.array([True, False, False]),
    turns=np.array([4.0, 5.0, 6.0]),
)
ALL = np.ones((1, 3))


def value(name: str, counts: np.ndarray = ALL) -> float:
    return float((ranking_statistics(FOUND) | dialogue_statistics(FOUND))[name].over(counts)[0])


def test_recall_is_the_share_of_mentions_in_the_top() -> None:
    assert [value(f"r@{cut}") for cut in (1, 10, 50)] == [1 / 4, 2 / 4, 3 / 4]


def test_liked_films_are_a_recall_of_their_own() -> None:
    assert [value(f"rt@{cut}") for cut in (1, 10, 50)] == [1 / 2, 1 / 2, 1.0]


def test_reciprocal_rank_and_gain() -> None:
    assert value("mrr") == pytest.approx((1 + 1 / 3 + 1 / 20) / 4)
    assert value("ndcg@10") == pytest.approx((1 + 1 / 2) / 4)
    assert value("ndcg@50") == pytest.approx((1 + 1 / 2 + 1 / math.log2(21)) / 4)


def test_a_resample_weighs_dialogues_by_their_mentions() -> None:
    twice = np.array([[1.0, 2.0, 0.0]])
    assert value("r@10", twice) == 2 / 5
    assert value("sr", twice) == 1.0


def test_auc_pools_cases_and_halves_ties() -> None:
    # liked -1, -3 against disliked -2 (dialogue 0), -2 (dialogue 1): each liked one wins or loses both pairs
    assert value("auc_ranking") == 2 / 4
    tied = Auc(np.array([1.0, 1.0, 0.0]), np.array([True, False, False]), np.array([0, 0, 1]), 2)
    assert tied.over(np.ones((1, 2)))[0] == 0.75
    # the second dialogue three times: pairs weigh 1 (a tie) and 3 (won)
    assert tied.over(np.array([[1.0, 3.0]]))[0] == (0.5 + 3) / 4


def test_auc_goes_by_the_liking() -> None:
    # liked .5, 0 against disliked .5 (dialogue 0), -1 (dialogue 1): a tie, two pairs won, one lost
    assert value("auc") == value("auc_batches_of_32") == (0.5 + 1 + 0 + 1) / 4
    assert value("auc_ranking_batches_of_32") == 2 / 4


def test_batches_of_32_cases_are_averaged_and_those_of_one_class_left_out() -> None:
    # case 0: liked above disliked; case 40: below; case 70: liked alone
    scores = np.array([2.0, 1.0, 5.0, 6.0, 3.0])
    found = Recommendations(
        ranks=np.full(5, BELOW),
        scores=np.zeros(5),
        liking=scores,
        liked=np.array([True, False, True, False, True]),
        disliked=np.array([False, True, False, True, False]),
        cases=np.array([0, 0, 40, 40, 70]),
        dialogues=np.arange(71),
        top_liked=np.zeros(71, bool),
        top_seen=np.zeros(71, bool),
        top_hit=np.zeros(71, bool),
        turns=np.ones(71),
    )
    batches = batched_auc(found, found.liking)
    assert (len(batches.batches), batches.left_out) == (3, 1)
    assert batches.over(np.ones((1, 71)))[0] == (1.0 + 0.0) / 2
    assert ranking_statistics(found)["auc_ranking_batches_of_32"].over(np.ones((1, 71)))[0] == 0.5, "ties"


def test_success_and_reward_a_dialogue() -> None:
    assert value("sr") == 2 / 2, "a dialogue without a case does not count"
    assert value("rdl") == pytest.approx(((1.5 + 1.0) / 4 + 0.5 / 5) / 2)
    assert value("sr_targets") == 1 / 2
    assert value("rdl_targets") == pytest.approx((1.5 / 4) / 2)


def test_ranks_of_targets() -> None:
    assert ranks_of([(7, 9), (8,)], [[9, 7], [7]]).tolist() == [2.0, 1.0, BELOW]


def drawn(cases: int, films: int) -> tuple[Recommendations, np.ndarray, np.ndarray]:
    """Cases of one mention each, the scores (cases, films) of all films, and the mentions (cases,)."""
    rng = np.random.default_rng(3)
    scores = rng.random((cases, films))
    targets = rng.integers(0, films, cases)
    rankings = np.argsort(-scores, axis=1)
    told, liked = rng.random(cases) < 0.7, rng.random(cases) < 0.6
    own = np.round(scores[np.arange(cases), targets], 1)
    made = Recommendations(
        ranks=ranks_of([[target] for target in targets.tolist()], rankings.tolist()),
        scores=own,
        liking=own,
        liked=told & liked,
        disliked=told & ~liked,
        cases=np.arange(cases),
        dialogues=np.arange(cases) // 2,
        top_liked=np.zeros(cases, dtype=bool),
        top_seen=np.zeros(cases, dtype=bool),
        top_hit=np.zeros(cases, dtype=bool),
        turns=np.ones(cases // 2),
    )
    return made, scores, targets


def test_ranking_figures_are_those_of_scikit_learn() -> None:
    found, scores, targets = drawn(300, 50)
    relevant = np.eye(50)[targets]
    whole = {name: float(each.over(np.ones((1, 150)))[0]) for name, each in ranking_statistics(found).items()}
    for cut in (1, 10):
        assert whole[f"r@{cut}"] == pytest.approx(top_k_accuracy_score(targets, scores, k=cut, labels=range(50)))
    for cut in (10, 50):
        assert whole[f"ndcg@{cut}"] == pytest.approx(ndcg_score(relevant, scores, k=cut))
    # With one relevant film a case, average precision is the reciprocal rank.
    assert whole["mrr"] == pytest.approx(label_ranking_average_precision_score(relevant, scores))


def test_auc_is_that_of_scikit_learn_whole_and_resampled() -> None:
    found, _, _ = drawn(300, 50)
    told = found.liked | found.disliked
    liked, scores, places = found.liked[told], found.scores[told], found.dialogues[told]
    assert len(np.unique(scores)) < len(scores), "there are ties"
    counts = np.random.default_rng(4).multinomial(150, np.full(150, 1 / 150), size=5).astype(np.float64)
    expected = [roc_auc_score(liked, scores, sample_weight=row[places]) for row in (np.ones(150), *counts)]
    assert Auc(scores, liked, places, 150).over(np.vstack([np.ones(150), counts])) == pytest.approx(np.array(expected))
