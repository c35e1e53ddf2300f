"""JSON objects among words: found whole, with bounds on numbers and nesting."""

from __future__ import annotations

import math

import pytest

from envs.model_text.json_objects import json_objects


def test_objects_are_found_among_words_and_broken_ones() -> None:
    text = 'Well {not one} {"a": {"b": "}"}} and {"c": 1, "d" [{"e": NaN}]'
    found = json_objects(text)
    assert [one.value for one in found][:1] == [{"a": {"b": "}"}}]
    assert math.isnan(found[1].value["e"])
    assert [text[one.start : one.stop] for one in found] == ['{"a": {"b": "}"}}', '{"e": NaN}']


def test_a_key_with_two_values_makes_no_object() -> None:
    assert [one.value for one in json_objects('{"a": 1, "a": 2} {"b": 1, "b": 1}')] == [{"b": 1}]


def test_numbers_without_end_and_nesting_are_bounded() -> None:
    (long,) = json_objects(f'{{"a": {"9" * 5_000}}}')
    assert long.value["a"] == math.inf
    assert json_objects("{" * 200_000) == []
    with pytest.raises(ValueError, match="too many places"):
        json_objects('{"a"' * 30_000)
    with pytest.raises(ValueError, match="too deeply"):
        json_objects('{"a": ' * 100_000)
