"""Records in files: what is written comes back, and what is something else is named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from envs.errors import DataError
from envs.files import write_json
from envs.json_record import JsonRecord

REMEDY = "Make it anew"


@dataclass(frozen=True, slots=True)
class Room:
    """A part of a record."""

    name: str
    size: float


@dataclass(frozen=True, slots=True)
class House(JsonRecord):
    """A record of parts."""

    rooms: list[Room]
    owners: dict[str, Room | None]


@dataclass(frozen=True, slots=True)
class Castle(House):
    """A record with a further field."""

    towers: int = 0


CASTLE = Castle([Room("hall", 40.5), Room("hay & \u2028", 3.0)], {"Ann": Room("attic", 9.0), "Bob": None}, towers=4)


def test_a_record_comes_back_as_it_was_with_its_fields_in_order(tmp_path: Path) -> None:
    write_json(tmp_path / "castle.json", CASTLE.to_json())
    assert list(json.loads((tmp_path / "castle.json").read_text())) == ["rooms", "owners", "towers"]
    assert Castle.read(tmp_path / "castle.json", remedy=REMEDY) == CASTLE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"rooms": []}', r"file\.json, field owners: Field required\. Make it anew"),
        ('{"rooms": [{"name": "hall", "size": "big"}], "owners": {}}', r"field rooms\.0\.size: .*valid number"),
        ('{"rooms": [{"name": "hall", "size": NaN}], "owners": {}}', r"field rooms\.0\.size: .*finite number"),
        ('{"rooms": [{"name": "hall", "size": 1, "door": 2}], "owners": {}}', r"field rooms\.0\.door: Unexpected"),
        ('{"rooms": [], "owners": {}, "towers": 1.5}', r"field towers: .*integer"),
        ('{"rooms": [', r"file\.json: Invalid JSON"),
    ],
)
def test_what_is_no_such_record_is_named_by_file_and_field(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        Castle.read(file, remedy=REMEDY)


def test_a_line_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rooms\.jsonl, line 7, field rooms: Field required"):
        Castle.from_json("{}", file=tmp_path / "rooms.jsonl", line=7, remedy=REMEDY)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: no such file\. Make it anew"):
        Castle.read(tmp_path / "none.json", remedy=REMEDY)
