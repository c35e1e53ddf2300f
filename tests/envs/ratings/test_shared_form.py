"""The shared form of people's ratings: what a line becomes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from envs.dialogue import Role, Utterance
from envs.errors import DataError
from envs.ratings.reading import read_ratings

PEOPLE = Path(__file__).resolve().parents[4] / "shared" / "data" / "people"
REPLY = {
    "dialogue": 7,
    "context": ["recommender: Hi!", "seeker: A comedy?", "seeker: An old one."],
    "response": 'Try "Some Film  (1959)" .',
    "ratings": {"relevance": [3, 4, None], "overall": 5.0, "interestingness": [2]},
}


def written(folder: Path, name: str, *lines: dict[str, Any]) -> Path:
    """A file of JSON lines in a folder."""
    file = folder / name
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def test_a_reply_is_read_with_its_turns_merged_and_titles_without_quotation_marks(tmp_path: Path) -> None:
    (found,) = read_ratings([written(tmp_path, "any.jsonl", REPLY)])
    assert found.name == "ab-redial"
    (reply,) = found.replies
    assert [(turn.role, turn.text) for turn in reply.context] == [
        (Role.RECOMMENDER, "Hi!"),
        (Role.SEEKER, "A comedy? An old one."),
    ]
    assert reply.response == reply.exchange.reply == "Try Some Film (1959) ."
    assert reply.ratings == {"relevance": (3.0, 4.0), "overall": (5.0,), "interestingness": (2.0,)}
    assert (reply.group, reply.where) == ("7", f"{tmp_path / 'any.jsonl'}:1")


def test_speakers_of_the_original_files_are_read(tmp_path: Path) -> None:
    turns = ["USER \u2003 Hi there", "SYSTEM Hello", "SYSTEM: Well?", "seeker: I say USER and SYSTEM", "USER \u2003"]
    line = {"dialogue": "KM", "turns": turns, "ratings": {"understanding": [1, 2]}}
    (found,) = read_ratings([written(tmp_path, "any.jsonl", line)])
    (dialogue,) = found.dialogues
    assert found.name == "ab-redial-dialogues"
    assert [turn.text for turn in dialogue.turns] == ["Hi there", "Hello Well?", "I say USER and SYSTEM"]
    assert [exchange.reply for exchange in dialogue.exchanges] == ["Hello Well?"]


def test_equal_first_posts_are_one_group_where_no_dialogue_is_named(tmp_path: Path) -> None:
    posts = ("seeker: I feel low.", "seeker: i  feel LOW.", "seeker: I feel fine.")
    lines = [{"context": [post], "response": "Oh.", "ratings": {"reactions": 1}} for post in posts]
    (found,) = read_ratings([written(tmp_path, "any.jsonl", *lines)])
    groups = [reply.group for reply in found.replies]
    assert found.name == "epitome"
    assert groups[0] == groups[1] != groups[2]


def test_rated_conversations_without_turns_are_found_or_counted(tmp_path: Path) -> None:
    rated = {"satisfaction": [4, 5], "cui_rapport": [2, 3]}
    file = written(tmp_path, "x.jsonl", *({"conversationId": name, "ratings": rated} for name in ("12", "13")))
    (found,) = read_ratings([file])
    assert (found.name, found.skipped, found.dialogues) == ("crs-que", 2, ())
    turns = (Utterance(Role.SEEKER, "Hi"), Utterance(Role.RECOMMENDER, "Hello"))
    (found,) = read_ratings([file], {"13": turns})
    assert (found.name, found.skipped) == ("crs-que", 1)
    assert [(dialogue.group, dialogue.turns) for dialogue in found.dialogues] == [("13", turns)]


def test_other_ratings_are_named_by_their_file(tmp_path: Path) -> None:
    file = written(tmp_path, "own.jsonl", {**REPLY, "ratings": {"satisfaction": 3}})
    assert [found.name for found in read_ratings([file])] == ["own"]
    file = written(tmp_path, "of-ccpe.jsonl", {**REPLY, "ratings": {"satisfaction": 3}})
    assert [found.name for found in read_ratings([file])] == ["ccpe"]


def test_a_folder_is_read_once_and_other_files_are_passed_over(tmp_path: Path) -> None:
    file = written(tmp_path, "a.jsonl", REPLY)
    (tmp_path / "README.md").write_text("Ratings.", encoding="utf-8")
    (tmp_path / "weights.bin").write_bytes(b"\xff\xfe\x00\x01\xff")
    (found,) = read_ratings([tmp_path, file, tmp_path])
    assert len(found.replies) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ratings": {"relevance": "good"}}, "field ratings.relevance: must be a number, not 'good'"),
        ({"ratings": {"relevance": [1, True]}}, r"field ratings.relevance\[1\]: must be a number"),
        ({"ratings": {"relevance": [1, 10**400]}}, r"field ratings.relevance\[1\]: must be a number from -1,000,000"),
        ({"ratings": {"relevance": 1e308}}, "field ratings.relevance: must be a number from -1,000,000 to 1,000,000"),
        ({"ratings": {"rele\nvance": True}}, "field ratings.rele vance: must be a number, not True"),
        ({"ratings": [1]}, "field ratings: must be an object"),
        ({"ratings": {"relevance": None}}, "field ratings: the line holds no rating"),
        ({"context": ["Hello"]}, r"field context\[0\]: begins with neither 'seeker:' nor"),
        ({"context": "seeker: Hi"}, "field context: must be a list of turns"),
        ({"response": "  "}, "field response: the text is blank"),
        ({"dialogue": [1]}, "field dialogue: must be a name or a number"),
    ],
)
def test_a_fault_is_named_with_file_line_field_and_remedy(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    file = written(tmp_path, "a.jsonl", REPLY, {**REPLY, **change})
    with pytest.raises(DataError, match=rf"a\.jsonl, line 2, {told}.*docs/people\.md"):
        read_ratings([file])


def test_ratings_of_ones_own_are_no_part_of_a_known_set(tmp_path: Path) -> None:
    (found,) = read_ratings([written(tmp_path, "mine.jsonl", {**REPLY, "ratings": {"relevance": 3, "overall": 4}})])
    assert found.name == "mine"


def test_a_file_of_ratings_that_is_no_text_is_never_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "a.jsonl", REPLY)
    (tmp_path / "b.jsonl").write_bytes('{"response": "é", "ratings": {"overall": 3}}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"b\.jsonl, line 1: not UTF-8 text"):
        read_ratings([tmp_path])


def test_a_line_without_turns_or_response_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "a.jsonl", {"ratings": {"relevance": 3}})
    with pytest.raises(DataError, match="line 1: has neither response, turns nor conversationId"):
        read_ratings([file])


def test_a_broken_first_line_is_a_fault_and_no_other_form(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"response": "Hi", "ratings": {"relevance": 3}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl, line 1: not JSON"):
        read_ratings([tmp_path])


def test_missing_paths_and_folders_without_ratings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_ratings([tmp_path / "nothing"])
    (tmp_path / "README.md").write_text("Ratings.", encoding="utf-8")
    with pytest.raises(DataError, match="holds no ratings of people"):
        read_ratings([tmp_path])
    with pytest.raises(DataError, match="no form of ratings that is known"):
        read_ratings([tmp_path / "README.md"])


@pytest.mark.skipif(not PEOPLE.is_dir(), reason=f"needs people's ratings in {PEOPLE}")
def test_the_real_ratings_have_the_counts_of_their_description() -> None:
    found = {entry.name: entry for entry in read_ratings([PEOPLE])}
    counts = {name: (len(entry.replies), len(entry.dialogues), entry.skipped) for name, entry in found.items()}
    assert counts == {
        "ab-redial": (597, 0, 0),
        "ab-redial-dialogues": (0, 200, 0),
        "crs-que": (0, 0, 200),
        "ccpe": (4698, 0, 0),
        "epitome": (2224, 0, 0),
    }
