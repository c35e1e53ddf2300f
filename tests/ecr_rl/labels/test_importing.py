"""Labels made elsewhere: what is taken, what is rejected by name, and how it reads afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_rl.labels.storage.importing import REJECTS, import_labels
from ecr_rl.labels.storage.store import read_labels
from envs.errors import ConfigError, DataError, RunError
from tests.known_heads import DEFINITIONS

GOOD: dict[str, Any] = {"context": ["seeker: Hi"], "response": "Hello!", "scores": {"empathy": 0.5}}


def lines(file: Path, *values: Any) -> Path:
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8", errors="surrogatepass")
    return file


def rejected(tmp_path: Path, value: Any) -> tuple[str | None, str]:
    """Field and reason of a bad second line."""
    made = import_labels([lines(tmp_path / "labels.jsonl", GOOD, value)], tmp_path / "out", DEFINITIONS)
    assert len(made.rejects) == 1
    assert made.rejects[0].line == 2
    return made.rejects[0].field, made.rejects[0].reason


def test_several_parts_make_one_folder(tmp_path: Path) -> None:
    first = lines(
        tmp_path / "one.jsonl", GOOD, "", {**GOOD, "response": "Bye.", "scores": {"overall": 1, "bleu": None}}
    )
    second = lines(
        tmp_path / "two.jsonl",
        {
            "context": ["Recommender: Hello?", "seeker:no prefix space"],
            "response": "日本語の返事 🎬",
            "scores": {"empathy": 0, "bleu": 0.25},
            "judge": "people",
            "kind": "cold",
            "split": "test",
            "dialogue": "d-7",
            "reference": "A human's.",
            "key": "test-1",
        },
    )
    made = import_labels(
        [first, second], tmp_path / "out", DEFINITIONS, "ecr-rl label import one.jsonl two.jsonl --out out"
    )
    table = read_labels(tmp_path / "out")
    assert (len(table), made.rejects, made.passed_over) == (3, [], {})
    assert table.column("reply") == ["Hello!", "Bye.", "日本語の返事 🎬"]
    assert table.column("context")[2] == ["recommender: Hello?", "seeker: no prefix space"]
    assert table.column("empathy") == [0.5, None, 0.0]
    assert table.column("bleu") == [None, None, 0.25]
    assert table.column("judge") == ["import", "import", "people"]
    assert table.column("kind") == ["human", "human", "cold"]
    assert table.column("split") == ["train", "train", "test"]
    assert table.column("dialogue") == [None, None, "d-7"]
    assert table.column("reference") == [None, None, "A human's."]
    assert table.column("key")[2] == "test-1"
    assert made.facts["judge"]["name"] == "import+people"
    assert (tmp_path / "out" / REJECTS).read_text() == ""
    assert "label import one.jsonl" in (tmp_path / "out" / "README.md").read_text()


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        ("{", None, "not JSON"),
        ("[1]", None, "not an object"),
        ("[" * 100_000, None, "not JSON"),
        ({"context": [], "scores": {}}, "response", "missing"),
        ({**GOOD, "response": "  "}, "response", "empty"),
        ({**GOOD, "response": None}, "response", "null, not text"),
        ({**GOOD, "response": "\ud800"}, "response", "surrogate"),
        ({**GOOD, "context": "seeker: Hi"}, "context", "text, not a list"),
        ({**GOOD, "context": ["seeker: Hi", "Hi"]}, "context[1]", "neither 'seeker:'"),
        ({**GOOD, "context": [3]}, "context[0]", "a number, not text"),
        ({**GOOD, "scores": [0.5]}, "scores", "a list, not an object"),
        ({**GOOD, "scores": {"warmth": 0.5}}, "scores.warmth", "no head"),
        ({**GOOD, "scores": {"empathy": 4}}, "scores.empathy", "4 is not in [0, 1]"),
        (json.dumps(GOOD)[:-1] + ', "response": "twice"}', "response", "stands there twice"),
        (json.dumps(GOOD)[:-1] + ', "note": 1e999}', "note", "not finite"),
        (json.dumps(GOOD)[:-1] + ', "note": ' + "7" * 5_000 + "}", "note", "a number of 5,000 digits"),
        ({**GOOD, "scores": {"empathy": float("nan")}}, "scores.empathy", "NaN is no number"),
        ({**GOOD, "scores": {"empathy": 10**400}}, "scores.empathy", "is not in [0, 1]"),
        ({**GOOD, "scores": {"empathy": True}}, "scores.empathy", "true or false, not a number"),
        ({**GOOD, "scores": {"empathy": "0.5"}}, "scores.empathy", "text, not a number"),
        ({**GOOD, "scores": {"empathy": None}}, "scores", "no head has a score"),
        ({**GOOD, "kind": "friendly"}, "kind", "'friendly' is none of human, policy"),
        ({**GOOD, "kind": ["cold"]}, "kind", "is none of"),
        ({**GOOD, "split": "dev"}, "split", "train, valid, test"),
        ({**GOOD, "dialogue": 1.5}, "dialogue", "a number, not text"),
        ({**GOOD, "judge": ""}, "judge", "empty"),
        (GOOD, None, "line 1 has the same"),
    ],
    ids=lambda value: None if isinstance(value, dict) else str(value)[:20],
)
def test_a_bad_line_is_named_by_field_and_reason(tmp_path: Path, value: Any, field: str | None, reason: str) -> None:
    found = rejected(tmp_path, value)
    assert found[0] == field
    assert reason in found[1]


def test_bytes_that_are_no_text_are_one_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b"\xff\xfe\n" + json.dumps(GOOD).encode())
    made = import_labels([file], tmp_path / "out", DEFINITIONS)
    assert (len(made.rejects), made.facts["n"]) == (1, 1)


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_bytes((json.dumps(GOOD) + "\n").encode("utf-16"))
    assert import_labels([file], tmp_path / "out", DEFINITIONS).facts["n"] == 1


def test_names_that_are_no_unicode_are_listed_with_the_rejected_lines(tmp_path: Path) -> None:
    strange = "labels-\udce9.jsonl"
    file = lines(tmp_path / strange, GOOD, {"\ud83d": 0.5, **GOOD}, {**GOOD, "scores": {"\ud83d": 0.5}})
    made = import_labels([file], tmp_path / "out", DEFINITIONS, f"ecr-rl label import {strange}")
    assert (made.facts["n"], [reject.field for reject in made.rejects]) == (1, ["\\ud83d", "scores.\\ud83d"])
    written = (tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(text)["file"] for text in written] == [str(file)] * 2


def test_a_line_belongs_to_one_split(tmp_path: Path) -> None:
    long = {**GOOD, "context": ["seeker: Hi", "recommender: Hello", "seeker: Heat?"]}
    file = lines(
        tmp_path / "labels.jsonl",
        *({**GOOD, "dialogue": 7, "split": split} for split in ("train", "test")),
        {**GOOD, "dialogue": 7, "split": "test", "response": "Another dialogue 7, of the test split."},
        *({**long, "split": split} for split in ("train", "valid")),
        *({**GOOD, "split": split} for split in ("train", "valid")),
    )
    made = import_labels([file], tmp_path / "out", DEFINITIONS)
    assert [(reject.line, reject.field) for reject in made.rejects] == [(2, "split"), (5, "split")]
    assert "line 1 has the same in split train" in made.rejects[0].reason


def test_the_same_reply_in_another_dialogue_is_no_duplicate(tmp_path: Path) -> None:
    file = lines(tmp_path / "labels.jsonl", *({**GOOD, "dialogue": number} for number in (1, 2, 1)))
    made = import_labels([file], tmp_path / "out", DEFINITIONS)
    assert made.facts["n"] == 2
    assert [reject.line for reject in made.rejects] == [3]


def test_duplicates_are_found_across_parts_and_keys_must_differ(tmp_path: Path) -> None:
    first = lines(tmp_path / "one.jsonl", {**GOOD, "key": "k"})
    second = lines(tmp_path / "two.jsonl", GOOD, {**GOOD, "response": "Bye.", "key": "k"})
    made = import_labels([first, second], tmp_path / "out", DEFINITIONS)
    assert [(reject.line, reject.field) for reject in made.rejects] == [(1, None), (2, "key")]
    assert f"{first}, line 1" in made.rejects[0].reason


def test_all_rejects_are_written_and_unknown_fields_counted(tmp_path: Path) -> None:
    bad = [{**GOOD, "scores": {"empathy": value}} for value in range(2, 32)]
    file = lines(tmp_path / "labels.jsonl", {**GOOD, "id": 1, "rater": "x"}, *bad)
    made = import_labels([file], tmp_path / "out", DEFINITIONS)
    assert made.passed_over == {"id": 1, "rater": 1}
    written = [json.loads(line) for line in (tmp_path / "out" / REJECTS).read_text().splitlines()]
    assert [reject["line"] for reject in written] == list(range(2, 32))
    assert written[0] == {
        "file": str(file),
        "line": 2,
        "field": "scores.empathy",
        "reason": "2 is not in [0, 1]",
    }


def test_nothing_usable_leaves_nothing(tmp_path: Path) -> None:
    file = lines(tmp_path / "labels.jsonl", *(["no"] * 25))
    with pytest.raises(DataError) as error:
        import_labels([file], tmp_path / "out", DEFINITIONS)
    assert "none of 25 lines" in str(error.value)
    assert str(error.value).count("labels.jsonl, line") == 20
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="empty"):
        import_labels([lines(tmp_path / "empty.jsonl")], tmp_path / "out", DEFINITIONS)
    with pytest.raises(DataError, match=r"none\.jsonl"):
        import_labels([tmp_path / "none.jsonl"], tmp_path / "out", DEFINITIONS)
    with pytest.raises(ConfigError):
        import_labels([], tmp_path / "out", DEFINITIONS)
    with pytest.raises(RunError, match="exists"):
        import_labels([lines(file, GOOD)], tmp_path, DEFINITIONS)
