"""The original files of AB-ReDial, CRS-Que, USS and EPITOME, with made-up sentences."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from envs.dialogue import Role, Utterance
from envs.errors import DataError
from envs.ratings.reading import read_ratings
from envs.ratings.record import CRS_QUE


def table(file: Path, columns: Sequence[str], *rows: Sequence[object]) -> Path:
    """A table with a header."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([columns, *rows])
    return file


def turns_table(folder: Path, *rows: Sequence[object]) -> Path:
    """AB-ReDial's file of turns, of two turns a row."""
    columns = ["ConvId"]
    for turn in (1, 2):
        columns += [f"utterance{i}" for i in range(4 * turn - 4, 4 * turn)]
        columns += [f"relevance{turn}", f"interestingness{turn}", f"overall{turn}"]
    return table(folder / "turns.csv", columns, *rows)


def test_ab_redials_turns_are_joined_over_raters(tmp_path: Path) -> None:
    first = ("SYSTEM\tHi", "USER\tA comedy?", 'SYSTEM\tSee "Some Film  (1959)"', "USER\tNo")
    second = ("SYSTEM\tSo?", "USER\tA drama", "SYSTEM\tFine, a drama", "USER\tBye")
    file = turns_table(
        tmp_path,
        ("XY", *first, 4, 2, 5, *second, 1, 1, 2.0),
        ("XY", *first, 3, 1, 4, *second, "", 2, 3.0),
    )
    (found,) = read_ratings([file])
    assert found.name == "ab-redial"
    one, two = found.replies
    assert [(turn.role, turn.text) for turn in one.context] == [(Role.RECOMMENDER, "Hi"), (Role.SEEKER, "A comedy?")]
    assert one.response == "See Some Film (1959)"
    assert one.ratings == {"relevance": (4, 3), "interestingness": (2, 1), "overall": (5, 4)}
    assert two.ratings == {"relevance": (1,), "interestingness": (1, 2), "overall": (2, 3)}
    assert one.group == two.group == "XY"


def test_a_number_that_is_none_is_named_with_line_and_column(tmp_path: Path) -> None:
    said = ("SYSTEM\tHi", "USER\tA\nlong\nline", "SYSTEM\tOh", "USER\tNo")
    file = turns_table(tmp_path, ("A", *said, 1, 1, 1, *said, 1, 1, 1), ("A", *said, 1, "x", 1, *said, 1, 1, 1))
    with pytest.raises(DataError, match=r"turns\.csv, line 7, field interestingness1: must be a number, not 'x'"):
        read_ratings([file])


def test_ab_redials_dialogues_are_told_apart_by_their_texts(tmp_path: Path) -> None:
    """Two dialogues of the file may have one name."""
    ratings = ("understanding", "task-completion", "interest-arousal", "efficiency", "dialogue-overall")
    columns = ("ConvId", "utterance0", "utterance1", "utterance2", *ratings, "justification-text")
    file = table(
        tmp_path / "d.csv",
        columns,
        ("XY", "SYSTEM\tHi", "USER\tHello", "", 2.0, 2.0, 3.0, 0.0, 4.0, "Good."),
        ("XY", "SYSTEM\tHi", "USER\tHello", "", 3.0, 1.0, 3.0, 1.0, 5.0, ""),
        ("XY", "USER \u2003 Hey", "SYSTEM Yes?", "USER\tNothing", 1.0, 1.0, 1.0, 0.0, 1.0, ""),
    )
    (found,) = read_ratings([file])
    assert found.name == "ab-redial-dialogues"
    first, second = found.dialogues
    assert first.ratings["understanding"] == (2, 3)
    assert [turn.text for turn in second.turns] == ["Hey", "Yes?", "Nothing"]
    assert found.groups == ("XY",)


def test_crs_que_takes_the_turns_of_redial_and_leaves_out_the_tests_of_raters(tmp_path: Path) -> None:
    columns = ("annotation_id", "participant_id", "dialogue_id", "is_gold_standard", *CRS_QUE)
    rows = [
        (1, "a", 12, 0, *[4] * 18),
        (2, "b", 12, 0, *[2] * 18),
        (3, "a", 13, 0, *[3] * 18),
        (4, "a", 14, 1, *[1] * 18),
    ]
    file = table(tmp_path / "annotations.csv", columns, *rows)
    (found,) = read_ratings([file], {"12": (Utterance(Role.RECOMMENDER, "Hello"),)})
    assert (found.name, found.skipped) == ("crs-que", 1)
    (dialogue,) = found.dialogues
    assert dialogue.ratings == dict.fromkeys(CRS_QUE, (4, 2))


def test_uss_rates_the_assistants_turn_before_the_users_line(tmp_path: Path) -> None:
    file = tmp_path / "CCPE.txt"
    file.write_text(
        "USER\tHello\tA\t3,3,3\nSYSTEM\tWhat do you like?\t\t\nUSER\tWesterns\tB\t3,4,2\nSYSTEM\tWhy?\t\t\n"
        "SYSTEM\tTell me\t\t\nUSER\tHorses\t\t2,2\nUSER\tAnd hats\t\t1,1\nUSER\tOVERALL\t\t4,5\n\n"
        "SYSTEM\tHi\t\t\nUSER\tHey\t\t3\n",
        encoding="utf-8",
    )
    (found,) = read_ratings([file])
    assert found.name == "ccpe"
    rated = [(reply.response, reply.ratings["satisfaction"], reply.group) for reply in found.replies]
    assert rated == [("What do you like?", (3, 4, 2), "1"), ("Tell me", (2, 2), "1"), ("Hi", (3,), "2")]
    assert [turn.text for turn in found.replies[1].context] == ["Hello", "What do you like?", "Westerns", "Why?"]
    (dialogue,) = found.dialogues
    assert (len(dialogue.turns), dialogue.ratings) == (5, {"satisfaction": (4, 5)})


def test_a_line_of_uss_without_a_speaker_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "MWOZ.txt"
    file.write_text("USER\tHello\t\t3\nHello again\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"MWOZ\.txt, line 2: begins with neither USER nor SYSTEM"):
        read_ratings([file])


def test_epitomes_three_files_become_one_record_a_reply(tmp_path: Path) -> None:
    columns = ("sp_id", "rp_id", "seeker_post", "response_post", "level", "rationales")
    for name, level in (("emotional-reactions", 2), ("interpretations", 0), ("explorations", 1)):
        rows = [("p1", "r1", "I am sad.", "Oh no.", level, "Oh|no"), ("p1", "r2", "I am sad.", f"So {name}.", 1, "")]
        table(tmp_path / f"{name}-reddit.csv", columns, *rows)
    table(tmp_path / "sample_input_ER.csv", columns, ("p9", "r9", "I am sad.", "Oh no.", 2, ""))
    (found,) = read_ratings([tmp_path])
    assert found.name == "epitome"
    assert len(found.replies) == 4
    shared = next(reply for reply in found.replies if reply.response == "Oh no.")
    assert shared.ratings == {"reactions": (2,), "interpretations": (0,), "explorations": (1,)}
    assert len(found.groups) == 1


def test_a_table_with_a_broken_header_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "explorations.csv"
    file.write_text('sp_id,"rp"_id,seeker_post,response_post,level\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"explorations\.csv, line 1: no row of a table"):
        read_ratings([file])


def test_a_table_with_a_broken_row_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "explorations.csv"
    file.write_text("sp_id,rp_id,seeker_post,response_post,level,rationales\n1,2,post\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"explorations\.csv, line 2: 3 cells, not 6"):
        read_ratings([file])
