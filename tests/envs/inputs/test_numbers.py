"""Whole numbers are ASCII digits up to a bound."""

from __future__ import annotations

import pytest

from envs.inputs.numbers import whole_number


@pytest.mark.parametrize(("digits", "number"), [("0", 0), ("28", 28), ("07", 7)])
def test_digits_up_to_the_bound_are_a_number(digits: str, number: int) -> None:
    assert whole_number(digits, 28) == number


@pytest.mark.parametrize("text", ["", "29", "028", "-1", "+1", " 1", "1.0", "\u00b2", "\u0663", "1" * 5000])
def test_anything_else_is_none(text: str) -> None:
    assert whole_number(text, 28) is None
