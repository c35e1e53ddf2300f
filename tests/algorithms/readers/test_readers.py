"""Emotions, acts and similarity by phrases and words."""

from __future__ import annotations

import numpy as np

from algorithms.readers.acts import RuleActs
from algorithms.readers.emotions import LexiconEmotions
from algorithms.readers.sentence_sources import load_sentences
from envs.emotions import NINE


def test_emotions_are_a_distribution_and_groups_follow_phrases() -> None:
    texts = [
        "I'm so sorry, I hope you feel better",
        "I hate this, whatever",
        "Reminds me of my childhood",
        "A train.",
        "",
    ]
    found = LexiconEmotions().read(texts)
    np.testing.assert_allclose(found.nine.sum(1), 1.0, rtol=1e-5)
    assert found.care.argmax() == 0
    assert found.hostility.argmax() == 1
    # two phrases of two labels, .7 each: 1 - .3 x .3
    np.testing.assert_allclose(found.hostility[1], 0.91)
    assert NINE[found.nine[2].argmax()] == "nostalgia"
    assert [NINE[row.argmax()] for row in found.nine[3:]] == ["neutral", "neutral"]


def test_acts_follow_phrases() -> None:
    reader = RuleActs()
    mine = reader.read_recommender(["What kind of films do you like?", "You should try it, it's about a dog", "Hi"])
    assert mine.asks.tolist() == [0.9, 0.0, 0.0]
    assert mine.recommends.tolist() == [0.0, 0.7, 0.0]
    assert mine.explains.tolist() == [0.0, 0.7, 0.0]
    theirs = reader.read_seeker(["Great, I'll watch it", "I hated that one", "Who is in it?"])
    assert theirs.accepts.tolist() == [0.7, 0.0, 0.0]
    assert theirs.rejects.tolist() == [0.0, 0.7, 0.0]
    assert theirs.inquires.tolist() == [0.0, 0.0, 0.9]


def test_words_embed_to_unit_length_and_like_texts_lie_close() -> None:
    vectors = load_sentences("words").embed(["a scary film", "some scary film", "my dog sleeps", ""])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 0], rtol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_an_encoder_gives_a_text_the_same_vector_again() -> None:
    sentences = load_sentences("minilm")
    first = sentences.embed(["I love scary films", "Horror is great", "My dog sleeps", ""])
    assert first[0] @ first[1] > first[0] @ first[2]
    assert not first[3].any()
    np.testing.assert_array_equal(sentences.embed(["Horror is great"])[0], first[1])
