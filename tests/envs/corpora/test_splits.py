from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.corpora.splits import split_validation
from envs.dialogue import Dialogue, Message, Role
from envs.errors import ConfigError, DataError
from envs.settings import DataSettings

IDS = (5, None, 9, 1, None, 7, 3, 8)
TRAIN = [
    Dialogue(conversation_id, index, (Message(Role.SEEKER, "Hi"),), {}) for index, conversation_id in enumerate(IDS)
]


def split(validation: str, size: int = 3, seed: int = 0) -> tuple[list[int | None], list[int | None]]:
    settings = DataSettings(validation=validation, validation_dialogues=size, seed=seed)
    train, valid = split_validation(TRAIN, settings)
    assert sorted([*train, *valid], key=lambda dialogue: dialogue.index) == TRAIN
    return [d.conversation_id for d in train], [d.conversation_id for d in valid]


def test_latest_takes_the_greatest_ids_and_leaves_those_without_one_in_train():
    assert split("latest") == ([5, None, 1, None, 3], [9, 7, 8])


def test_random_is_drawn_by_the_seed():
    draws = {tuple(split("random", seed=seed)[1]) for seed in range(6)}
    assert split("random", seed=3) == split("random", seed=3)
    assert len(draws) > 1
    assert all(len(draw) == 3 for draw in draws)


@pytest.mark.parametrize(
    ("content", "key"), [([3, 1], ""), (["3", "1"], ""), ({"only": [3, 1]}, ""), ({"a": [3, 1], "b": [5]}, "#a")]
)
def test_a_list_of_ids_is_taken(tmp_path: Path, content: object, key: str):
    file = tmp_path / "valid_splits.json"
    file.write_text(json.dumps(content))
    assert split(f"{file}{key}") == ([5, None, 9, None, 7, 8], [1, 3])


@pytest.mark.parametrize(
    ("content", "key", "message"),
    [
        ('{"a": [1], "b": [2]}', "", r"several lists. Choose one by .*#KEY: a, b"),
        ('{"a": [1]}', "#c", "no list 'c'"),
        ("[1, 77]", "", "1 of the 2 listed conversations are not in train, such as 77"),
        ("[]", "", "must be a list of conversation ids"),
        ('{"a": {"x": 1}}', "", "must be a list of conversation ids"),
        ("[1", "", "not JSON"),
    ],
)
def test_a_bad_list_is_told(tmp_path: Path, content: str, key: str, message: str):
    file = tmp_path / "valid_splits.json"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        split(f"{file}{key}")


def test_a_missing_list_and_too_large_a_split_are_told(tmp_path: Path):
    with pytest.raises(DataError, match="cannot be read"):
        split(str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="validation_dialogues is 6, but only 6"):
        split("latest", size=6)
    with pytest.raises(ConfigError, match="only 8 train dialogues"):
        split("random", size=8)
