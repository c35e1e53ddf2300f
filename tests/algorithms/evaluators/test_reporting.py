"""The reporting evaluator: it learns, keeps to [0, 1], takes any text, and comes back from its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.reporting import WEIGHTS, ReportingEvaluator
from envs.dialogue import Role, Utterance
from envs.errors import ModelError
from envs.heads import Exchange
from tests.algorithms.doubles import flip_a_byte
from tests.known_heads import JUDGED

WARM = ["I'm sorry, I hope this helps you", "That sounds lovely, enjoy it", "Happy to help you, my friend"]
COLD = ["Whatever, pick one", "Not my problem at all", "Stop asking me now"]


def exchanges(replies: list[str]) -> list[Exchange]:
    return [Exchange((Utterance(Role.SEEKER, f"Line {i}"),), reply) for i, reply in enumerate(replies)]


@pytest.fixture(scope="module")
def evaluator() -> ReportingEvaluator:
    overall = np.array(([0.8] * 3 + [0.2] * 3) * 5)
    labels = np.full((len(overall), len(JUDGED)), 0.5)
    labels[:, JUDGED.index("overall")] = overall
    return ReportingEvaluator.fit(exchanges((WARM + COLD) * 5), labels, JUDGED)


def test_it_tells_what_it_learnt(evaluator: ReportingEvaluator) -> None:
    warm, cold = evaluator.scores(exchanges(["I hope you enjoy it", "Whatever, stop asking"]))
    overall = JUDGED.index("overall")
    assert warm[overall] > cold[overall] + 0.2
    assert np.delete(warm, overall) == pytest.approx(0.5), "the other heads were all alike"


def test_any_text_gets_a_number_in_range(evaluator: ReportingEvaluator) -> None:
    given = ["", "\ud800", "great " * 20_000, "日本語"]
    scores = evaluator.scores([*exchanges(given), Exchange((), "Hello")])
    assert scores.shape == (5, len(JUDGED))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_it_comes_back_from_its_folder(evaluator: ReportingEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path)
    sample = exchanges([*WARM, *COLD, "something else"])
    np.testing.assert_array_equal(ReportingEvaluator.load(tmp_path).scores(sample), evaluator.scores(sample))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_damaged_weights_are_refused(evaluator: ReportingEvaluator, tmp_path: Path) -> None:
    evaluator.save(tmp_path)
    flip_a_byte(tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=f"{WEIGHTS} is not what .* says"):
        ReportingEvaluator.load(tmp_path)


def test_a_folder_without_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no reporting evaluator"):
        ReportingEvaluator.load(tmp_path)
