from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_rl.overrides import apply_overrides, differences, nearest, parse_override
from envs.errors import ConfigError

DEFAULTS = {"seed": 0, "reward": {"cap": 2.0, "weights": {"empathy": 1.0, "bleu": 0.5}}, "policy": {"lora": None}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=3", 3),
        ("a.b=1e-4", "1e-4"),  # YAML 1.1 reads no float there; pydantic makes one of it
        ("a.b=0.5", 0.5),
        ("a.b=true", True),
        ("a.b=null", None),
        ("a.b=", None),
        ("a.b='3'", "3"),
        ("a.b=x=y", "x=y"),
        ("a.b={rank: 8, alpha: 16}", {"rank": 8, "alpha": 16}),
    ],
)
def test_values_are_typed_as_yaml_types_them(text: str, value: Any) -> None:
    override = parse_override(text)
    assert override.path == ("a", "b")
    assert override.value == value


@pytest.mark.parametrize("text", ["nonsense", "=3", "a..b=3", "a.=3", "a=[1"])
def test_what_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_override(text)
    assert text in str(refused.value)


def test_one_weight_changes_and_the_others_stay() -> None:
    changed = apply_overrides({}, [parse_override("reward.weights.bleu=0")], DEFAULTS)
    assert changed["reward"]["weights"] == {"empathy": 1.0, "bleu": 0}


def test_an_absent_section_is_made() -> None:
    changed = apply_overrides({"policy": {"lora": None}}, [parse_override("policy.lora.rank=8")], DEFAULTS)
    assert changed == {"policy": {"lora": {"rank": 8}}}


def test_the_last_override_wins_and_the_input_stays() -> None:
    settings = {"seed": 1, "reward": {"cap": 1.0}}
    changed = apply_overrides(settings, [parse_override("reward.cap=3"), parse_override("reward.cap=4")], DEFAULTS)
    assert changed["reward"]["cap"] == 4
    assert settings == {"seed": 1, "reward": {"cap": 1.0}}


def test_a_key_below_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed is the value 1, not a section"):
        apply_overrides({"seed": 1}, [parse_override("seed.x=2")], DEFAULTS)


@given(st.dictionaries(st.sampled_from("abc"), st.integers()), st.sampled_from("abc"), st.integers())
def test_an_override_changes_its_key_alone(settings: dict[str, int], key: str, value: int) -> None:
    changed = apply_overrides(settings, [parse_override(f"{key}={value}")], {})
    assert changed == {**settings, key: value}


def test_the_nearest_name() -> None:
    assert nearest("iteratons", ["epochs", "iterations"]) == "iterations"
    assert nearest("zzz", ["epochs", "iterations"]) is None


def test_differences_name_every_key_that_is_other_new_or_gone() -> None:
    before = {"seed": 0, "policy": {"lora": None}, "reward": {"weights": {"empathy": 1.0, "bleu": 0.5}}}
    now = {"seed": 0, "policy": {"lora": {"rank": 8}}, "reward": {"weights": {"empathy": 2.0}}}
    assert differences(before, now) == {
        "policy.lora.rank": "None -> 8",
        "reward.weights.bleu": "0.5 -> None",
        "reward.weights.empathy": "1.0 -> 2.0",
    }
    assert differences(now, now) == {}
