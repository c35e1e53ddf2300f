from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_rl.evaluation.conversations.records import GoldRecord, read_records, write_records
from envs.errors import DataError
from tests.ecr_rl.example_run import conversation, example_records, turn


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    records = example_records(0.1, dialogues=12)
    write_records(tmp_path / "evaluation" / "rl.jsonl", records)
    assert read_records(tmp_path / "evaluation" / "rl.jsonl") == records


def test_any_text_survives(tmp_path: Path) -> None:
    odd = 'line\u2028separator \u0085 \n newline, "quote", <b>, \U0001f600'
    records = [conversation(0, turn(reply=odd), gold=[GoldRecord(odd, odd, 0.5)])]
    write_records(tmp_path / "odd.jsonl", records)
    assert read_records(tmp_path / "odd.jsonl") == records


def test_what_was_not_measured_stays_unknown(tmp_path: Path) -> None:
    records = [conversation(0, turn(held_out={}, kl=None, heads={}))]
    write_records(tmp_path / "some.jsonl", records)
    assert read_records(tmp_path / "some.jsonl") == records


def test_a_turn_earns_the_sum_of_its_parts() -> None:
    assert turn(parts={"empathy": 1.5, "missing_end": -1.0}).reward == 0.5


@pytest.mark.parametrize(
    "changes", [{"kl": float("nan")}, {"held_out": {"overall": float("inf")}}, {"heads": {"overall": float("nan")}}]
)
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"dialogue 7 .*not finite"):
        write_records(tmp_path / "bad.jsonl", [conversation(7, turn(**changes))])
    assert list(tmp_path.iterdir()) == [], "nothing half-written stays behind"


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Run the evaluation first"):
        read_records(tmp_path / "none.jsonl")


def test_a_broken_record_is_named_by_line_and_field(tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    write_records(file, [conversation(0, turn()), conversation(1, turn())])
    lines = file.read_text().splitlines()
    broken = json.loads(lines[1])
    broken["turns"][0]["tokens"] = "many"
    file.write_text(lines[0] + "\n" + json.dumps(broken) + "\n")
    with pytest.raises(DataError, match=r"broken\.jsonl, line 2, field turns\.0\.tokens"):
        read_records(file)


def test_a_torn_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "torn.jsonl"
    write_records(file, [conversation(0, turn())])
    file.write_text(file.read_text()[:60])
    with pytest.raises(DataError, match=r"torn\.jsonl, line 1"):
        read_records(file)
