"""The label folder: rows come back as they were written, and what cannot be read is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecr_rl.labels.storage.store import (
    new_folder,
    read_labels,
    read_turn,
    schema_of,
    score_columns,
    shard_name,
    write_labels,
    write_shard,
    write_turn,
)
from envs.dialogue import Role, Utterance
from envs.errors import DataError, RunError
from envs.heads import Exchange
from tests.ecr_rl.label_rows import folder_of, row, table
from tests.known_heads import HEADS

ROWS = [
    row("a", reply="Hello!", context=[]),
    row("b", kind="cold", reply="So what.", reference="I see!", split="test", dialogue="7", turn=3, flagged=True),
    row("c", kind="policy", temperature=0.7, bleu=None, problem="no answer: timeout", empathy=None),
]


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    labels = read_labels(folder_of(tmp_path / "labels", ROWS, shards=2))
    assert labels.rows.to_pylist() == table(ROWS).to_pylist()
    asked = Utterance(Role.SEEKER, "Hi: any comedies?")
    assert labels.exchanges == [
        Exchange((), "Hello!"),
        Exchange((asked,), "So what."),
        Exchange((asked,), "Try Up (2009)."),
    ]
    known = labels.labels.known
    assert known.sum(1).tolist() == [6, 6, 4]
    assert not known[2, [HEADS.index("empathy"), HEADS.index("bleu")]].any()
    assert labels.labels.values[~known].tolist() == [0.0, 0.0]
    assert labels.labels.problems == ("", "", "no answer: timeout")
    assert labels.labels.flagged.tolist() == [False, True, False]


def test_rows_are_chosen_by_split_and_kind(tmp_path: Path) -> None:
    labels = read_labels(folder_of(tmp_path / "labels", ROWS))
    assert labels.select(split="train").column("key") == ["a", "c"]
    assert labels.select(split="train", kinds=["policy", "cold"]).column("key") == ["c"]
    assert len(labels.select(split="valid")) == 0


def test_scores_keep_four_decimals_and_unknown_ones_are_null() -> None:
    values, known = np.full((1, len(HEADS)), 0.123456), np.ones((1, len(HEADS)), dtype=bool)
    known[0, HEADS.index("bleu")] = False
    columns = score_columns(values, known, HEADS)
    assert columns["empathy"].to_pylist() == [pytest.approx(0.1235, abs=1e-7)]
    assert columns["bleu"].to_pylist() == [None]


def test_turns_name_their_speaker() -> None:
    turn = Utterance(Role.RECOMMENDER, " Well: hello\nthere")
    assert read_turn(write_turn(turn)) == turn
    assert read_turn("Seeker: hi") == Utterance(Role.SEEKER, "hi")
    for wrong in ("hi", "critic: hi", ""):
        with pytest.raises(ValueError):
            read_turn(wrong)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def of_another_run(file: Path) -> None:
    write_shard(file.parent, 1, 3, table(ROWS[1:2]), "another run")


def without_a_column(file: Path) -> None:
    pq.write_table(pq.read_table(file).drop_columns(["bleu"]), file)


def with_text_for_scores(file: Path) -> None:
    rows = pq.read_table(file)
    pq.write_table(rows.set_column(rows.schema.get_field_index("empathy"), "empathy", pa.array(["much"])), file)


def with_a_row(**wrong: object) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        write_shard(file.parent, 1, 3, table([row("b", **wrong)]), "run of rubric")

    return write


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, ["1 of 3 shards are missing: part-00001-of-00003.parquet", "--resume"]),
        (truncate, ["part-00001-of-00003.parquet", "damaged", "--resume"]),
        (of_another_run, ["part-00001-of-00003.parquet", "another run"]),
        (without_a_column, ["part-00001-of-00003.parquet, field bleu", "missing"]),
        (with_text_for_scores, ["field empathy", "of type string, not float"]),
        (with_a_row(recommendation=1.5), ["field recommendation", "row 1: 1.5", "--resume"]),
        (with_a_row(bleu=float("nan")), ["field bleu", "row 1: nan"]),
        (with_a_row(kind="friendly"), ["field kind", "'friendly'"]),
        (with_a_row(split="dev"), ["field split", "'dev'"]),
        (with_a_row(context=["seeker: hi", "hello"]), ["field context[1]", "'hello'"]),
        (with_a_row(key="a"), ["part-00001-of-00003.parquet, field key", "a stands more than once"]),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, spoil: Callable[[Path], None], said: list[str]) -> None:
    folder = folder_of(tmp_path / "labels", ROWS, shards=3)
    spoil(folder / shard_name(1, 3))
    with pytest.raises(DataError) as error:
        read_labels(folder)
    for words in said:
        assert words in str(error.value)


def test_a_folder_without_labels_and_a_strange_shard_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.json is missing"):
        read_labels(tmp_path)
    folder = folder_of(tmp_path / "labels", ROWS)
    write_shard(folder, 4, 9, table(ROWS), "run of rubric")
    with pytest.raises(DataError, match="part-00004-of-00009"):
        read_labels(folder)


def test_many_rows_are_spread_over_shards(tmp_path: Path) -> None:
    assert write_labels(tmp_path, table(ROWS), "run", rows_a_shard=2) == 2
    sizes = [len(pq.read_table(tmp_path / shard_name(index, 2))) for index in range(2)]
    assert sizes == [2, 1]
    assert pq.read_schema(tmp_path / shard_name(0, 2)).equals(schema_of(HEADS))


def test_a_new_folder_is_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "deep" / "labels") as folder:
        (folder / "half").touch()
        _ = 1 / 0
    assert not (tmp_path / "deep" / "labels").exists()
    assert not list((tmp_path / "deep").iterdir())
    with new_folder(tmp_path / "labels") as folder:
        (folder / "whole").touch()
    assert [file.name for file in (tmp_path / "labels").iterdir()] == ["whole"]
    with pytest.raises(RunError, match="exists"), new_folder(tmp_path / "labels"):
        pass
