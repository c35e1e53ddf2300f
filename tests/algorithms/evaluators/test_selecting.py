"""The selecting evaluator: it learns, keeps to [0, 1], takes any text, and comes back from its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.selecting import WEIGHTS, SelectingEvaluator
from envs.errors import ModelError
from envs.heads import Exchange
from tests.algorithms.doubles import flip_a_byte
from tests.algorithms.evaluators.test_reporting import COLD, WARM, exchanges


@pytest.fixture(scope="module")
def evaluator() -> SelectingEvaluator:
    return SelectingEvaluator.fit(exchanges((WARM + COLD) * 5), np.array(([0.8] * 3 + [0.2] * 3) * 5))


def test_it_tells_what_it_learnt(evaluator: SelectingEvaluator) -> None:
    warm, cold = evaluator.overall(exchanges(["I hope you enjoy it", "Whatever, stop asking"]))
    assert warm > cold + 0.1


def test_a_word_misspelt_is_still_heard(evaluator: SelectingEvaluator) -> None:
    right, wrong, cold = evaluator.overall(
        exchanges(["Happy to help you", "Hapy to helpp you", "Whatevver, stop askin"])
    )
    assert abs(right - wrong) < right - cold


def test_any_text_gets_a_number_in_range(evaluator: SelectingEvaluator) -> None:
    given = ["", "\ud800", "great " * 20_000, "日本語"]
    scores = evaluator.overall([*exchanges(given), Exchange((), "Hello")])
    assert scores.shape == (5,)
    assert ((scores >= 0) & (scores <= 1)).all()


def test_it_comes_back_from_its_folder(evaluator: SelectingEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path)
    sample = exchanges([*WARM, *COLD, "something else"])
    np.testing.assert_array_equal(SelectingEvaluator.load(tmp_path).overall(sample), evaluator.overall(sample))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_damaged_weights_are_refused(evaluator: SelectingEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path)
    flip_a_byte(tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=f"{WEIGHTS} is not what .* says"):
        SelectingEvaluator.load(tmp_path)


def test_a_folder_without_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no selecting evaluator"):
        SelectingEvaluator.load(tmp_path)
