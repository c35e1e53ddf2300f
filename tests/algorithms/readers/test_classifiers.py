"""Classifiers of emotions and acts: they learn, repeat themselves, and live in folders without pickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algorithms.readers.act_classifier import ActClassifier, act_figures
from algorithms.readers.acts import RuleActs
from algorithms.readers.emotion_classifier import EmotionClassifier
from algorithms.readers.sentences import WordSentences
from algorithms.readers.text_classifier import TextClassifier
from envs.corpora.goemotions import GoEmotions
from envs.corpora.iard import AnnotatedTurn, read_iard
from envs.dialogue import Role
from envs.errors import ModelError
from tests.algorithms.doubles import flip_a_byte

IARD = Path(__file__).parents[4] / "shared" / "data" / "iard" / "umap2020_IARD_Cai.json"
WARM, HARSH = frozenset({"caring", "love"}), frozenset({"anger"})
COMMENTS = tuple(
    comment
    for i in range(60)
    for comment in (
        (f"I hope you feel better soon my friend {i}", WARM),
        (f"shut up you idiot {i}", HARSH),
        (f"the bus number {i} leaves at noon", frozenset({"neutral"})),
    )
)
LABELS = ("caring", "love", "anger", "neutral")


@pytest.fixture(scope="module")
def emotions() -> EmotionClassifier:
    return EmotionClassifier.fit(GoEmotions(LABELS, COMMENTS, COMMENTS, COMMENTS))


def test_emotions_are_told_apart(emotions: EmotionClassifier) -> None:
    read = emotions.read(["hope you feel better, friend", "shut up, idiot", "this reminds me of my childhood"])
    np.testing.assert_allclose(read.nine.sum(1), 1.0, rtol=1e-5)
    assert read.care[0] > 0.5 > read.care[1]
    assert read.hostility[1] > 0.5 > read.hostility[0]
    assert read.nine[2, 6] > 0.1  # nostalgia, which GoEmotions does not know
    assert emotions.read([]).nine.shape == (0, 9)


def test_figures_of_what_was_learnt_are_high(emotions: EmotionClassifier) -> None:
    figures = emotions.figures(GoEmotions(LABELS, COMMENTS, COMMENTS, COMMENTS))
    assert figures["macro_f1"] > 0.95
    assert figures["n"] == len(COMMENTS)


def test_a_folder_holds_the_classifier(emotions: EmotionClassifier, tmp_path: Path) -> None:
    emotions.save(tmp_path)
    texts = ["I love you", "", "\ud800 日本"]
    np.testing.assert_array_equal(EmotionClassifier.load(tmp_path).read(texts).nine, emotions.read(texts).nine)
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".safetensors"}
    flip_a_byte(tmp_path / "classifier.safetensors")
    with pytest.raises(ModelError, match=r"classifier\.safetensors is not what .* says.*Fit it again"):
        EmotionClassifier.load(tmp_path)


def test_the_same_texts_give_the_same_weights() -> None:
    texts, targets = [text for text, _ in COMMENTS], np.array([[own == WARM] for _, own in COMMENTS])
    first, second = (TextClassifier.fit(texts, targets, ["warm"]) for _ in range(2))
    np.testing.assert_array_equal(first.probabilities(texts), second.probabilities(texts))


def test_a_label_that_no_text_or_every_text_has_is_as_good_as_certain() -> None:
    targets = np.tile([True, False], (3, 1))
    fitted = TextClassifier.fit(["one", "two", "three"], targets, ["always", "never"])
    np.testing.assert_allclose(fitted.probabilities(["four", ""]), [[1.0, 0.0]] * 2, atol=1e-3)


def test_an_embedding_is_read_beside_the_words(tmp_path: Path) -> None:
    texts, targets = [text for text, _ in COMMENTS], np.array([[own == WARM] for _, own in COMMENTS])
    fitted = TextClassifier.fit(texts, targets, ["warm"], WordSentences(64))
    warm, harsh = fitted.probabilities(["I hope you feel better", "shut up you idiot"])[:, 0]
    assert warm > 0.9 > 0.1 > harsh
    fitted.save(tmp_path)
    back = TextClassifier.load(tmp_path, WordSentences(64))
    np.testing.assert_array_equal(back.probabilities(texts), fitted.probabilities(texts))
    with pytest.raises(ModelError, match="other features"):
        TextClassifier.load(tmp_path, WordSentences(32))


def test_acts_of_test_dialogues_are_not_learnt_from() -> None:
    train = [
        turn
        for i in range(40)
        for turn in (
            AnnotatedTurn(1, 1, Role.SEEKER, f"thanks, I will watch it {i}", frozenset({"ACC"}), False),
            AnnotatedTurn(1, 2, Role.RECOMMENDER, f"which genre do you like {i}?", frozenset({"REQ"}), False),
            AnnotatedTurn(1, 3, Role.RECOMMENDER, f"you should see that one {i}", frozenset({"REC-S"}), False),
        )
    ]
    hidden = [AnnotatedTurn(20_500, 1, Role.SEEKER, "xylophone", frozenset({"ACC"}), False)] * 50
    acts = ActClassifier.fit([*train, *hidden])
    assert acts.read_seeker(["thanks, will watch"]).accepts[0] > 0.5
    read = acts.read_recommender(["which genre do you like?", "you should see it"])
    assert read.asks[0] > 0.5 > read.asks[1]
    assert read.recommends[1] > 0.5 > read.recommends[0]
    assert act_figures(acts, train)["asks"] == 0.0  # no turn of a test dialogue


@pytest.mark.skipif(not IARD.is_file(), reason=f"IARD is not at {IARD}")
def test_learnt_acts_beat_the_phrases() -> None:
    turns = read_iard(IARD)
    assert len(turns) == 4583
    learnt, rules = act_figures(ActClassifier.fit(turns), turns), act_figures(RuleActs(), turns)
    for act in ("asks", "recommends", "explains", "accepts"):
        assert learnt[act] > rules[act], act
