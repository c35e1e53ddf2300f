from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.evaluators import text_figures

SENTENCES = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=12).map(" ".join)


def test_bleu_1_worked_by_hand() -> None:
    # 3 of 4 words, no brevity penalty; "the" counts once, as in the reference.
    assert text_figures.bleu("the cat the sat", "the cat sat", 1) == 0.75
    # 2 of 2 words, 2 of the reference's 4: exp(1 - 4/2).
    assert text_figures.bleu("the cat", "the cat sat down", 1) == pytest.approx(math.exp(-1))


def test_bleu_k_puts_all_weight_on_order_k() -> None:
    assert text_figures.bleu("the cat sat", "a cat sat", 2) == 0.5
    assert text_figures.bleu("the cat sat", "a cat sat", 3) == 0.0
    assert text_figures.bleu("one two three four", "one two three four", 4) == 1.0


def test_bleu_without_enough_words_is_nought() -> None:
    assert text_figures.bleu("", "a cat", 1) == 0.0
    assert text_figures.bleu("cat", "a cat", 2) == 0.0


def test_bleu_keeps_case_and_punctuation() -> None:
    assert text_figures.bleu("Heat.", "heat", 1) == 0.0


@given(SENTENCES, SENTENCES, st.integers(1, 4))
def test_bleu_lies_between_0_and_1(reply: str, reference: str, order: int) -> None:
    assert 0 <= text_figures.bleu(reply, reference, order) <= 1
    if len(reply.split()) >= order:
        assert text_figures.bleu(reply, reply, order) == 1


def test_grams_do_not_reach_across_replies() -> None:
    counts = text_figures.count_grams([["a b", "c"]], 2)
    assert counts.distinct == 1
    assert counts.totals.tolist() == [1]


def test_gram_counts_worked_by_hand() -> None:
    counts = text_figures.count_grams([["a b", "b a"], ["a a c", ""]], 1)
    assert counts.distinct == 3
    assert counts.alone.tolist() == [1, 1]
    assert counts.totals.tolist() == [4, 3]
    assert counts.sentences.tolist() == [2, 1]


@given(st.lists(st.lists(SENTENCES, max_size=3), min_size=1, max_size=6), st.integers(1, 3))
def test_items_alone_are_what_leaving_a_dialogue_out_loses(dialogues: list[list[str]], order: int) -> None:
    counts = text_figures.count_grams(dialogues, order)
    for place in range(len(dialogues)):
        rest = text_figures.count_grams(dialogues[:place] + dialogues[place + 1 :], order)
        assert rest.distinct == counts.distinct - counts.alone[place]


def test_sacrebleu_comes_with_its_signature() -> None:
    found = text_figures.sacrebleu_score(["the cat sat on the mat"], ["the cat sat on the mat"])
    assert found is not None
    score, signature = found
    assert score == pytest.approx(100)
    assert "tok:13a" in signature and "version:" in signature
    assert text_figures.sacrebleu_score([], []) is None
