"""The evaluators: they learn, keep to [0, 1], take any text, and come back from their folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.exchange_features import WordFeatures
from algorithms.evaluators.registry import EVALUATORS
from algorithms.evaluators.ridge import CARD, WEIGHTS, CharacterRidge, RidgeEvaluator, WordRidge
from envs.dialogue import Role, Utterance
from envs.errors import ConfigError, ModelError
from envs.heads import Exchange
from tests.algorithms.doubles import flip_a_byte

WARM = ["I'm sorry, I hope this helps you", "That sounds lovely, enjoy it", "Happy to help you, my friend"]
COLD = ["Whatever, pick one", "Not my problem at all", "Stop asking me now"]
HEADS = ("dull", "kind")


def exchanges(replies: list[str]) -> list[Exchange]:
    return [Exchange((Utterance(Role.SEEKER, f"Line {i}"),), reply) for i, reply in enumerate(replies)]


def fitted(kind_of: type[RidgeEvaluator]) -> RidgeEvaluator:
    kind = np.array(([0.8] * 3 + [0.2] * 3) * 5)
    return kind_of.fit(exchanges((WARM + COLD) * 5), np.stack([np.full(30, 0.5), kind], 1), HEADS)


@pytest.fixture(scope="module", params=[WordRidge, CharacterRidge])
def evaluator(request: pytest.FixtureRequest) -> RidgeEvaluator:
    return fitted(request.param)


def test_it_tells_what_it_learnt(evaluator: RidgeEvaluator) -> None:
    warm, cold = evaluator.scores(exchanges(["I hope you enjoy it", "Whatever, stop asking"]))
    assert warm[1] > cold[1] + 0.1
    assert [warm[0], cold[0]] == pytest.approx([0.5, 0.5]), "that head was always alike"


def test_characters_hear_a_word_misspelt() -> None:
    right, wrong, cold = fitted(CharacterRidge).scores(
        exchanges(["Happy to help you", "Hapy to helpp you", "Whatevver, stop askin"])
    )[:, 1]
    assert abs(right - wrong) < right - cold


def test_words_tell_the_first_word_from_the_last() -> None:
    features = WordFeatures()
    first, last, within = features.grams(exchanges(["no that", "that no", "so no that"]))[:, : features.buckets // 2]
    assert first.multiply(last).nnz == 4, "the words and both marks"
    assert first.multiply(within).nnz == 6, "their pair and the last word, too; not the first"


def test_any_text_gets_a_number_in_range(evaluator: RidgeEvaluator) -> None:
    given = ["", "\ud800", "great " * 20_000, "日本語"]
    scores = evaluator.scores([*exchanges(given), Exchange((), "Hello")])
    assert scores.shape == (5, 2)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert evaluator.scores([]).shape == (0, 2)


def test_it_comes_back_from_its_folder(evaluator: RidgeEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path)
    sample = exchanges([*WARM, *COLD, "something else"])
    back = type(evaluator).load(tmp_path)
    assert back.heads == HEADS
    np.testing.assert_array_equal(back.scores(sample), evaluator.scores(sample))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_the_same_examples_give_the_same_weights(evaluator: RidgeEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path / "first")
    fitted(type(evaluator)).save(tmp_path / "second")
    first, second = ((tmp_path / name / WEIGHTS).read_bytes() for name in ("first", "second"))
    assert first == second


def test_a_folder_without_one_or_with_a_damaged_one_is_named(evaluator: RidgeEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path / "damaged")
    flip_a_byte(tmp_path / "damaged" / WEIGHTS)
    with pytest.raises(ModelError, match=f"{WEIGHTS} is not what .* says"):
        type(evaluator).load(tmp_path / "damaged")
    with pytest.raises(ModelError, match="holds no evaluator"):
        type(evaluator).load(tmp_path)


@pytest.mark.parametrize("change", [{"features": "characters"}, {"heads": ["kind"]}])
def test_a_card_that_does_not_fit_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    fitted(WordRidge).save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps(card | change))
    with pytest.raises(ModelError, match="of other features or heads"):
        WordRidge.load(tmp_path)


def test_evaluators_are_found_by_name_and_read_different_things() -> None:
    assert [EVALUATORS.get(name) for name in EVALUATORS.names()] == [WordRidge, CharacterRidge]
    assert EVALUATORS.get("tests.algorithms.evaluators.test_ridge:WordRidge") is WordRidge
    with pytest.raises(ConfigError, match=r"no evaluator 'word'\. Did you mean words\?"):
        EVALUATORS.check("word")
