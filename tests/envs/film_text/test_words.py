"""What a speaker says again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.film_text.words import repetition


@pytest.mark.parametrize(
    ("replies", "earlier", "share"),
    [
        (["one two three four"], [], 0),
        (["good film good film good film"], [], 3 / 5),  # gf fg gf fg gf
        (["Good film, GOOD film"], [], 1 / 3),
        (["a b a b", "a b"], [], 2 / 4),  # ab ba ab | ab
        (["a b", "c d"], [], 0),
        (["Hello there you"], ["Hello there"], 1 / 2),
        (["Hello there!"], ["How are you?", "hello there"], 1),
        (["I don\u2019t know"], ["I don't know"], 1),
        (["word"], [], 0),
        (["word", "Word."], [], 1 / 2),
        (["", "..."], [], 1 / 2),
        ([], ["a b"], 0),
    ],
)
def test_repetition_worked_by_hand(replies: list[str], earlier: list[str], share: float) -> None:
    assert repetition(replies, earlier) == pytest.approx(share)


@given(st.lists(st.text("ab ", max_size=20), max_size=4), st.lists(st.text("ab ", max_size=20), max_size=3))
def test_repetition_is_a_share_that_grows_with_what_was_said(replies: list[str], earlier: list[str]) -> None:
    assert 0 <= repetition(replies) <= repetition(replies, earlier) <= 1
