"""How films are ranked, and how scores of two contexts compare."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.recommender.scorer import log_shares, ranked

IDS = np.array([3, 5, 8, 13, 21])


def test_best_first_and_equal_scores_by_ascending_id() -> None:
    scores = np.array([[0.1, 0.9, 0.5, 0.9, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert ranked(scores, IDS, 3) == [[5, 13, 8], [3, 5, 8]]


def test_films_left_out_are_not_ranked_and_unknown_ones_do_not_matter() -> None:
    scores = np.array([[5.0, 4.0, 3.0, 2.0, 1.0]] * 2)
    assert ranked(scores, IDS, 2, [{3, 8, 99, 4}, ()]) == [[5, 13], [3, 5]]
    assert scores[0, 0] == 5.0, "the scores themselves stay"


def test_fewer_films_where_the_catalogue_runs_out() -> None:
    scores = np.array([[1.0, 2.0, 3.0, 4.0, 5.0]])
    assert ranked(scores, IDS, 50, [[21]]) == [[13, 8, 5, 3]]
    assert ranked(scores, IDS, 50, [IDS.tolist()]) == [[]]
    assert ranked(scores[:0], IDS, 50) == []


def test_log_shares_worked_by_hand() -> None:
    shares = log_shares(np.log(np.array([[1.0, 3.0], [2.0, 2.0]], dtype=np.float32)) + 500.0)
    assert np.exp(shares) == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]), rel=1e-4)
