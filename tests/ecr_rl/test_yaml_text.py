from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_rl.yaml_text import line_of_key, read_yaml, write_yaml
from envs.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("-3", -3),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1e-3", 0.001),
        ("1e1", 10.0),
        (".5", 0.5),
        ("12:30:00", "12:30:00"),
        ("190:20:30.15", "190:20:30.15"),
        ("2024-01-01", "2024-01-01"),
        ("yes", "yes"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("~", None),
        ("", None),
        ("=", "="),
        ("'010'", "010"),
    ],
)
def test_plain_words_are_what_they_look_like(text: str, value: Any) -> None:
    found = read_yaml(text)
    assert found == value
    assert type(found) is type(value)


def test_anchors_and_merges_are_read() -> None:
    text = "base: &base {a: 1, b: 2}\nmine: {<<: *base, b: 3}\n"
    assert read_yaml(text)["mine"] == {"a": 1, "b": 3}


BOMB = "a0: &a0 [1]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 11)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' stands there twice"),
        ("s:\n  a: {x: 1}\n  a: {y: 1}\n", "line 3, column 3: the key 'a' stands there twice"),
        ("'a': 1\na: 2\n", "line 2, column 1: the key 'a' stands there twice"),
        ("o: &o {a: 1}\nm:\n  <<: *o\n  <<: *o\n", "line 4, column 3: the key '<<' stands there twice"),
        ("a: [1\nb: 2\n", "line 2"),
        ("a: *nobody", "undefined alias"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: !!timestamp x", "could not determine a constructor"),
        ("a: &x [*x]", "recursive"),
        ("&x a: {b: &y {c: *y}}", "recursive"),
        ("a: !!bool maybe", "neither true nor false"),
        ("a: !!int x", "invalid literal"),
        ("a: " + "9" * 5000, "digits"),
        ("a: 0x" + "f" * 4000, "a whole number of 4,002 digits; 1000 are the most"),
        ("a: 0o" + "7" * 5000, "digits"),
        ('a: !!float ""', "'' is no number"),
        ("a: !!float _", "'_' is no number"),
        (BOMB, "its aliases repeat more than 100,000 values"),
        ("[" * 2_000, "recursion"),
        ("? [a, b]\n: 1\n", "unhashable"),
        ("a: \x00", "not allowed"),
        ("a: 1\n---\nb: 2\n", "another document"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        read_yaml(text)
    assert "\n" not in str(refused.value)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_reads_back_as_itself(values: Any) -> None:
    assert read_yaml(write_yaml(values)) == values


@pytest.mark.parametrize(
    "text", ["1e-3", "0o17", "1e3", "010", "yes", "12:30:00", "~", "a #b", "2024-01-01", "<<", "="]
)
def test_a_text_that_looks_like_something_else_is_quoted(text: str) -> None:
    assert read_yaml(write_yaml({"name": text, text: 1})) == {"name": text, text: 1}


def test_the_line_of_a_key() -> None:
    text = "base: demo\n# axes\nspace:\n  ppo.clip: {choices: [1]}\n  reward.cap:\n    uniform: [1, 3]\n"
    assert line_of_key(text, ("space", "reward.cap", "uniform")) == 6
    assert line_of_key(text, ("space", "ppo.clip")) == 4
    assert line_of_key(text, ("space", "gone")) == 3
    assert line_of_key(text, ("gone",)) is None
    listed = "labels:\n  more_judges:\n    - judge: openai\n    - judge: rubric\n      weight: 2\n"
    assert line_of_key(listed, ("labels", "more_judges", "1", "weight")) == 5
    assert line_of_key(listed, ("labels", "more_judges", "1", "gone")) == 4
