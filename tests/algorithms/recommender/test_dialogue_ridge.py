"""The ridge over dialogues beside a dense solution, and what it keeps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from algorithms.recommender import dialogue_ridge
from algorithms.recommender.dialogue_ridge import DialogueRidge, WordRows

NAMED = [{0, 1}, {0, 1, 2}, {2, 4}, {0, 4}, {1, 2}]
"""Of six films the fourth and the last stand nowhere."""


def dense_ease(x: np.ndarray, films: int, ridge: float) -> np.ndarray:
    inverse = np.linalg.inv(x.T @ x + ridge * np.eye(x.shape[1]))
    solved = np.eye(x.shape[1]) - inverse / np.diag(inverse)
    np.fill_diagonal(solved, 0.0)
    return solved[:, :films]


def test_it_solves_ease() -> None:
    fitted = DialogueRidge.fit(NAMED, [set()] * 5, 6, ridge=2.0, weight=1.0)
    x = np.array([[film in films for film in range(6)] for films in NAMED], dtype=np.float64)
    solved = dense_ease(x, 6, 2.0)
    assert fitted.evidence.toarray() == pytest.approx(solved, abs=1e-5)
    assert not fitted.evidence.diagonal().any()
    assert not fitted.evidence.toarray()[[3, 5]].any() and not fitted.evidence.toarray()[:, [3, 5]].any()
    assert fitted.of([0, 2], []) == pytest.approx(solved[0] + solved[2], abs=1e-5)
    assert not fitted.of([], ["dogs"]).any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sets(st.integers(0, 7), max_size=5), min_size=1, max_size=12), st.sampled_from([0.5, 3.0, 50.0]))
def test_it_solves_ease_of_any_dialogues(named: list[set[int]], ridge: float) -> None:
    if not any(named):
        return
    found = DialogueRidge.fit(named, [set()] * len(named), 8, ridge, 1.0).evidence.toarray()
    x = np.array([[film in films for film in range(8)] for films in named], dtype=np.float64)
    assert found == pytest.approx(dense_ease(x, 8, ridge), abs=1e-4)


def test_a_film_is_a_ridge_regression_on_the_other_films() -> None:
    """EASE's closed form solves one regression a film, with the film itself left out."""
    rng = np.random.default_rng(1)
    x = (rng.random((60, 8)) < 0.3).astype(np.float64)
    named = [set(np.flatnonzero(row).tolist()) for row in x]
    found = DialogueRidge.fit(named, [set()] * 60, 8, ridge=3.0, weight=1.0).evidence.toarray()
    for film in range(8):
        others = np.delete(np.arange(8), film)
        alone = Ridge(alpha=3.0, fit_intercept=False).fit(x[:, others], x[:, film])
        assert found[others, film] == pytest.approx(alone.coef_, abs=1e-4)


def test_words_stand_as_columns_beside_the_films() -> None:
    said = [{"scary"}, {"scary", "dogs"}] * 5 + [set()] * 30
    fitted = DialogueRidge.fit([{0}, {0, 1}] * 5 + [{2}] * 30, said, 3, ridge=2.0, weight=1.5)
    rarity = np.log(np.array([40 / 5, 40 / 10]))  # dogs, scary
    both = 1.5 * rarity / np.linalg.norm(rarity)
    words = np.array([[0.0, 1.5], both] * 5 + [[0.0, 0.0]] * 30)
    films = np.array([[1, 0, 0], [1, 1, 0]] * 5 + [[0, 0, 1]] * 30)
    solved = dense_ease(np.hstack([films, words]), 3, 2.0)
    assert fitted.words.words == ("dogs", "scary")
    assert fitted.evidence.toarray() == pytest.approx(solved, abs=1e-4)
    scary = fitted.of([], ["scary", "unheard"])
    assert scary == pytest.approx(1.5 * solved[4], abs=1e-4)
    assert scary[0] > 0 == scary[2]


def test_words_that_are_rare_or_unknown_give_no_evidence() -> None:
    rows = WordRows.of([{"once"}, {"never"}], weight=1.0)
    assert [len(part) for said in (["once"], []) for part in rows.row(said)] == [0, 0, 0, 0]


def test_the_largest_evidence_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = DialogueRidge.fit(NAMED, [set()] * 5, 6, 2.0, 1.0).evidence.toarray()
    monkeypatch.setattr(dialogue_ridge, "_KEPT", 2)
    kept = DialogueRidge.fit(NAMED, [set()] * 5, 6, 2.0, 1.0).evidence.toarray()
    for row, few in zip(whole, kept, strict=True):
        largest = np.sort(np.abs(row))[-2:]
        assert np.sort(np.abs(few))[-2:] == pytest.approx(largest)
        assert (few != 0).sum() <= 2
        assert all(few[place] in (0.0, row[place]) for place in range(6))


def test_a_ridge_that_cannot_be_solved_is_told() -> None:
    with pytest.raises(ArithmeticError, match="too small"):
        DialogueRidge.fit([{0, 1}], [set()], 2, ridge=-1.0, weight=1.0)
