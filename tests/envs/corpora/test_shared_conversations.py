"""One conversation in two splits is refused, with both places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envs.corpora.corpus import load_corpus
from envs.corpora.shared_conversations import Split, refuse_shared
from envs.dialogue import Dialogue, Message, Role
from envs.errors import DataError
from envs.settings import DataSettings
from tests.envs.redial_files import RECOMMENDER, SEEKER, record, write_folder

LONG = tuple((SEEKER if turn % 2 == 0 else RECOMMENDER, f"line {turn}") for turn in range(6))


def load(folder: Path) -> None:
    load_corpus(DataSettings(source=str(folder), validation_dialogues=2))


def train(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(record(str(number)) for number in range(1, 9)), *more]


def test_one_id_in_both_files_is_refused_with_both_lines(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "r", train=train(record("20002", texts=LONG)))
    with pytest.raises(DataError) as caught:
        load(folder)
    assert "conversation 20002 stands in two splits" in caught.value.what
    assert f"{folder / 'train_data.jsonl'}, line 9 (split valid)" in caught.value.what
    assert f"{folder / 'test_data.jsonl'}, line 2 (split test)" in caught.value.what


def test_one_text_whose_id_is_missing_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "r", train=train(record(None, texts=LONG)), test=[record("60", texts=LONG)])
    with pytest.raises(DataError, match=r"conversation 60 stands in two splits.*line 9 \(split train\).*line 1"):
        load(folder)


def test_two_ids_are_two_conversations_and_a_greeting_is_none(tmp_path: Path) -> None:
    short = LONG[:2]
    load(
        write_folder(
            tmp_path / "r",
            train=train(record("50", texts=LONG), record(None, texts=short)),
            test=[record("51", texts=LONG), record(None, texts=short)],
        )
    )


def test_one_id_on_both_sides_of_validation_is_refused(tmp_path: Path) -> None:
    twice = [record(str(number)) for number in (1, 2, 3, 9, 9, 9)]
    with pytest.raises(DataError, match=r"conversation 9 stands in two splits: .*train\), and .*valid\)"):
        load(write_folder(tmp_path / "r", train=twice))


def test_a_reader_that_counts_each_split_from_0_is_judged_by_the_texts() -> None:
    def dialogue(number: int, word: str) -> Dialogue:
        return Dialogue(number, number, tuple(Message(Role.SEEKER, f"{word} {turn}") for turn in range(4)), {})

    refuse_shared(Split("train", [dialogue(0, "a")]), Split("test", [dialogue(0, "b")]), ids_tell=False)
    with pytest.raises(DataError, match="train dialogue 0, and test dialogue 0"):
        refuse_shared(Split("train", [dialogue(0, "a")]), Split("test", [dialogue(0, "a")]), ids_tell=False)
