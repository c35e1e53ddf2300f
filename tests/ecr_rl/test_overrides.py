from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_rl.config import RunConfig
from ecr_rl.overrides import apply_overrides, differences, nearest, parse_override
from ecr_rl.settings import JudgeSettings
from envs.errors import ConfigError
from envs.marks import Settings

DEFAULTS = {"seed": 0, "reward": {"cap": 2.0, "weights": {"empathy": 1.0, "bleu": 0.5}}, "policy": {"lora": None}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ppo.epochs=3", 3),
        ("ppo.clip=1e-4", 1e-4),
        ("ppo.clip=0.5", 0.5),
        ("ppo.value_into_trunk=true", True),
        ("ppo.kl_target=null", None),
        ("data.metadata=null", None),
        ("data.metadata=", None),
        ("reward.weights.bleu=2", 2),
        ("policy.lora={rank: 8, alpha: 16}", {"rank": 8, "alpha": 16}),
        ("heads=[overall, bleu]", ["overall", "bleu"]),
    ],
)
def test_a_value_that_is_no_text_is_yaml(text: str, value: Any) -> None:
    override = parse_override(text, RunConfig)
    assert ".".join(override.path) == text.partition("=")[0]
    assert override.value == value
    assert type(override.value) is type(value)


@pytest.mark.parametrize(
    "written",
    [
        *("/data/set #2/redial.zip", "a: b", "*x", "!x", "@x", "yes", "no", "010", "0x10", "1_000", "1e-3", "12:30:00"),
        *("2024-01-01", "true", "3", "x=y", "[a", "{a: b}", '"a" or "b"', "- a", "a, b", "%x", "`x`", "| x", "null"),
    ],
)
def test_text_stands_as_it_is_written(written: str) -> None:
    for key in ("data.source", "name", "policy.dtype"):
        assert parse_override(f"{key}={written}", RunConfig).value == written


def test_quotes_around_a_text_are_none_of_it() -> None:
    for written in ("' a #b '", '" a #b "'):
        assert parse_override(f"data.source={written}", RunConfig).value == " a #b "
    assert parse_override("data.metadata='null'", RunConfig).value == "null"
    assert parse_override("model={a} b.", JudgeSettings).value == "{a} b."


@pytest.mark.parametrize("text", ["nonsense", "=3", "a..b=3", "a.=3", "seed=[1", "seed=*x", "heads=[a #b, c]"])
def test_what_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_override(text, RunConfig)
    assert text in str(refused.value)


def test_one_weight_changes_and_the_others_stay() -> None:
    changed = apply_overrides({}, [parse_override("reward.weights.bleu=0", RunConfig)], DEFAULTS)
    assert changed["reward"]["weights"] == {"empathy": 1.0, "bleu": 0}


def test_an_absent_section_is_made() -> None:
    changed = apply_overrides({"policy": {"lora": None}}, [parse_override("policy.lora.rank=8", RunConfig)], DEFAULTS)
    assert changed == {"policy": {"lora": {"rank": 8}}}


def test_an_entry_of_a_list_is_changed_by_its_index() -> None:
    settings = {"labels": {"more_judges": [{"judge": "rubric"}, {"judge": "openai"}]}}
    changes = [parse_override(f"labels.more_judges.{key}", RunConfig) for key in ("1.model=7b", "0={judge: openai}")]
    changed = apply_overrides(settings, changes, DEFAULTS)
    assert changed["labels"]["more_judges"] == [{"judge": "openai"}, {"judge": "openai", "model": "7b"}]
    for key in ("2.weight=1", "first.weight=1"):
        with pytest.raises(ConfigError, match=r"labels\.more_judges has 2 entries, counted from 0, and no "):
            apply_overrides(settings, [parse_override(f"labels.more_judges.{key}", RunConfig)], DEFAULTS)


def test_the_last_override_wins_and_the_input_stays() -> None:
    settings = {"seed": 1, "reward": {"cap": 1.0}}
    changed = apply_overrides(settings, [parse_override(f"reward.cap={cap}", RunConfig) for cap in (3, 4)], DEFAULTS)
    assert changed["reward"]["cap"] == 4
    assert settings == {"seed": 1, "reward": {"cap": 1.0}}


def test_a_key_below_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="seed is the value 1, not a section"):
        apply_overrides({"seed": 1}, [parse_override("seed.x=2", RunConfig)], DEFAULTS)


@given(st.dictionaries(st.sampled_from("abc"), st.integers()), st.sampled_from("abc"), st.integers())
def test_an_override_changes_its_key_alone(settings: dict[str, int], key: str, value: int) -> None:
    changed = apply_overrides(settings, [parse_override(f"{key}={value}", Settings)], {})
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
