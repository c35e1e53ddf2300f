"""The planner of emotions: it foresees what humans answered, reads replies, and lives in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax

from algorithms.policy.emotion_planner import WEIGHTS, TrainedEmotionPlanner, _softmax_regression
from algorithms.readers.emotion_classifier import EmotionClassifier
from algorithms.readers.emotions import LexiconEmotions
from envs.corpora.goemotions import GoEmotions
from envs.dialogue import Dialogue, Role, Utterance
from envs.errors import ModelError
from tests.algorithms.doubles import flip_a_byte, small_planner
from tests.envs.doubles import dialogue

SAD = ["I feel lonely today", "I am so sad", "I feel unhappy, what a sad day"]
THANKS = ["That helps, thanks", "Thank you for @12", "thanks a lot for it"]
DIALOGUES: list[Dialogue] = [
    dialogue(f"S: {said}\nR: {reply}")
    for sad, thanks in zip(SAD, THANKS, strict=True)
    for said, reply in ((sad, "I am sorry, too bad"), (thanks, "Glad! Enjoy the fun of @11"))
]


@pytest.fixture(scope="module")
def planner() -> TrainedEmotionPlanner:
    return TrainedEmotionPlanner.fit(DIALOGUES, LexiconEmotions())


def asked(text: str) -> list[Utterance]:
    return [Utterance(Role.SEEKER, text)]


def test_it_plans_what_humans_answered_in_such_places(planner: TrainedEmotionPlanner) -> None:
    sad, thanks = planner.plan([asked("I am sad and lonely"), asked("Thanks, that helps a lot")])
    assert sad[0] == "negative" and thanks[0] == "happy"
    assert planner.probabilities([asked("")] * 2).sum(1) == pytest.approx(1.0)
    assert planner.plan([]) == [] and len(planner.plan([[]])) == 1
    figures = planner.figures(DIALOGUES)
    assert figures["cross_entropy"] < figures["cross_entropy_of_mean"]
    assert figures["top"] == 1.0 > figures["top_of_mean"]


def test_films_in_a_text_say_nothing_of_emotions(planner: TrainedEmotionPlanner) -> None:
    assert planner.carried(["Thanks! @12", "Thanks!", "@12"]) == [("grateful", "neutral"), ("grateful", "neutral"), ()]


def test_the_same_dialogues_give_the_same_planner_and_a_folder_keeps(
    planner: TrainedEmotionPlanner, tmp_path: Path
) -> None:
    contexts = [dialogue.utterances[:1] for dialogue in DIALOGUES]
    again = TrainedEmotionPlanner.fit(DIALOGUES, LexiconEmotions())
    np.testing.assert_array_equal(again.probabilities(contexts), planner.probabilities(contexts))
    planner.save(tmp_path)
    loaded = TrainedEmotionPlanner.load(tmp_path)
    np.testing.assert_array_equal(loaded.probabilities(contexts), planner.probabilities(contexts))
    assert loaded.reader.name == "lexicon"
    assert not list(tmp_path.rglob("*.pkl")) + list(tmp_path.rglob("*.bin"))


def test_a_classifier_that_reads_goes_into_the_folder(tmp_path: Path) -> None:
    comments = tuple((text, frozenset({label})) for text, label in (("so sad", "sadness"), ("ok", "neutral"))) * 20
    data = GoEmotions(("sadness", "neutral"), comments, comments, comments)
    fitted = TrainedEmotionPlanner.fit(DIALOGUES, EmotionClassifier.fit(data))
    fitted.save(tmp_path)
    loaded = TrainedEmotionPlanner.load(tmp_path)
    assert loaded.reader.name == "goemotions"
    assert loaded.carried(["so sad"]) == fitted.carried(["so sad"])
    assert loaded.carried(["so sad"])[0][0] == "negative"


def test_shares_are_fitted_to_cross_entropy() -> None:
    """Two kinds of contexts: the plan is the mean of what was answered there."""
    shares = np.array([[0.7, 0.3, 0.0], [0.1, 0.9, 0.0]] * 4000)
    features = csr_matrix(np.array([[1.0], [0.0]] * 4000))
    weights, offsets = _softmax_regression(features, shares)
    plans = softmax(np.array([[1.0], [0.0]]) @ weights + offsets, axis=1)
    assert plans == pytest.approx(np.array([[0.7, 0.3, 0.0], [0.1, 0.9, 0.0]]), abs=0.01)


@pytest.mark.parametrize("answered", [[0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
def test_what_was_answered_everywhere_is_planned_everywhere(answered: list[float]) -> None:
    weights, offsets = _softmax_regression(csr_matrix(np.ones((50, 1))), np.array([answered] * 50))
    assert softmax(weights[0] + offsets) == pytest.approx(answered, abs=0.01)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    small_planner().save(tmp_path / "damaged")
    flip_a_byte(tmp_path / "damaged" / WEIGHTS)
    with pytest.raises(ModelError, match=f"{WEIGHTS} is not what .* says"):
        TrainedEmotionPlanner.load(tmp_path / "damaged")
    with pytest.raises(ModelError, match=str(tmp_path)):
        TrainedEmotionPlanner.load(tmp_path)
