"""The label folder: labelled examples in Parquet shards, with a record of how they were made.

    part-00000-of-00016.parquet …    the rows, in the order of the examples
    labels.json                      heads, judge, source, seed, shards, counts
    README.md                        the card, written from labels.json

A row's columns, in order; those marked ? may be null:

    key          the example's unique name: ``SPLIT-DIALOGUE-TURN-KIND-N``
    split        ``train``, ``valid`` or ``test``
    dialogue?    the dialogue: its index in the split, or the name that an import gave
    turn?        0-based index of the reply among the dialogue's utterances
    kind         how the reply came to be (``ecr_rl.labels.replies.made_replies.Kind``)
    temperature? sampling temperature of a policy's reply
    context      the turns before, each ``seeker: …`` or ``recommender: …``
    reply        the text that is judged
    reference?   the human's reply at this place; null where the reply is the human's own
    empathy?, …  a column for each head that labels.json names, in its order: the label in [0, 1] to four decimals; null
                 where it is masked or the judge failed
    judge        who gave the labels
    context_form? what the judge was told beside the words: ``plain`` or ``rich``
    problem?     why the judge failed
    flagged      the text seems to address the judge

A shard is written atomically. It carries the identity of its run, so shards of different runs never mix.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ecr_rl.labels.judging.judge_protocol import Labels
from ecr_rl.labels.replies.made_replies import Kind
from envs.dialogue import Role, Utterance
from envs.errors import DataError, RunError
from envs.files import write_bytes
from envs.heads import Exchange, Head

FACTS = "labels.json"
SPLITS = ("train", "valid", "test")
DECIMALS = 4
"""Decimals of a stored score."""

_RUN = b"ecr_rl.run"
_RESUME = "Go on with the command that made the folder and --resume: it labels what is missing"


def schema_of(heads: Sequence[str]) -> pa.Schema:
    """The columns of a label folder of these heads."""
    return pa.schema(
        [
            pa.field("key", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("dialogue", pa.string()),
            pa.field("turn", pa.int32()),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("temperature", pa.float32()),
            pa.field("context", pa.list_(pa.string()), nullable=False),
            pa.field("reply", pa.string(), nullable=False),
            pa.field("reference", pa.string()),
            *(pa.field(head, pa.float32()) for head in heads),
            pa.field("judge", pa.string(), nullable=False),
            pa.field("context_form", pa.string()),
            pa.field("problem", pa.string()),
            pa.field("flagged", pa.bool_(), nullable=False),
        ]
    )


def head_facts(heads: Sequence[Head]) -> dict[str, list[str]]:
    """What ``labels.json`` says of heads: their names in the columns' order, and those of which less is better."""
    return {
        "heads": [head.name for head in heads],
        "lower_is_better": [head.name for head in heads if not head.higher_is_better],
    }


@dataclass(frozen=True)
class LabelTable:
    """Labelled examples, N rows.

    Attributes:
        rows: the rows in ``schema_of(heads)``.
        facts: what ``labels.json`` says.
    """

    rows: pa.Table
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.rows)

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the heads, in the columns' order."""
        return tuple(self.facts["heads"])

    @property
    def lower(self) -> frozenset[str]:
        """The heads of which less is better."""
        return frozenset(self.facts["lower_is_better"])

    def column(self, name: str) -> list[Any]:
        """A column as N Python values, None where null."""
        return self.rows.column(name).to_pylist()

    @cached_property
    def exchanges(self) -> list[Exchange]:
        """The N contexts with their replies, which a critic reads."""
        pairs = zip(self.column("context"), self.column("reply"), strict=True)
        return [Exchange(tuple(map(read_turn, context)), reply) for context, reply in pairs]

    @cached_property
    def labels(self) -> Labels:
        """The scores, N rows by heads, and which of them are known."""
        values = scores(self.rows, self.heads)
        known = ~np.isnan(values)
        problems = tuple(problem or "" for problem in self.column("problem"))
        flagged = np.array(self.column("flagged"), bool)
        return Labels(np.where(known, values, np.float32(0)), known, problems, flagged, self.heads)

    def select(self, split: str | None = None, kinds: Collection[str] | None = None) -> LabelTable:
        """The rows of a split and of some kinds, in order; None takes all."""
        chosen = [
            (split is None or index == split) and (kinds is None or kind in kinds)
            for index, kind in zip(self.column("split"), self.column("kind"), strict=True)
        ]
        return replace(self, rows=self.rows.filter(pa.array(chosen, pa.bool_())))


def scores(rows: pa.Table, heads: Sequence[str]) -> np.ndarray:
    """The columns of these heads as float32 (N, heads), NaN where null."""
    columns = [rows.column(head).to_numpy(zero_copy_only=False) for head in heads]
    return np.stack(columns, axis=1).astype(np.float32)


def score_columns(values: np.ndarray, known: np.ndarray, heads: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of (N, heads) values, rounded; null where they are not known."""
    rounded = np.round(values.astype(np.float64), DECIMALS).astype(np.float32)
    return {head: pa.array(rounded[:, i], pa.float32(), mask=~known[:, i]) for i, head in enumerate(heads)}


def write_turn(turn: Utterance) -> str:
    """A turn in the form of a row: ``seeker: …``."""
    return f"{turn.role}: {turn.text}"


def read_turn(text: str) -> Utterance:
    """Read a turn that ``write_turn`` wrote.

    Raises:
        ValueError: the text begins with neither role.
    """
    role, colon, words = text.partition(":")
    if not colon:
        raise ValueError("a turn begins with 'seeker:' or 'recommender:'")
    return Utterance(Role(role.strip().lower()), words.removeprefix(" "))


def shard_name(index: int, count: int) -> str:
    """The file of shard ``index`` (0-based) of ``count``."""
    return f"part-{index:05}-of-{count:05}.parquet"


def write_shard(folder: Path, index: int, count: int, rows: pa.Table, run: str) -> Path:
    """Write one shard atomically.

    Args:
        folder: the label folder.
        index: of the shard, 0-based.
        count: of the run's shards.
        rows: in ``schema_of`` their heads.
        run: the identity of the run that the shard belongs to.
    """
    whole = rows.replace_schema_metadata({_RUN: run.encode()})
    buffer = pa.BufferOutputStream()
    pq.write_table(whole, buffer, compression="zstd")
    file = folder / shard_name(index, count)
    write_bytes(file, buffer.getvalue().to_pybytes())
    return file


def read_shard(file: Path, run: str, heads: Sequence[str]) -> pa.Table:
    """The rows of one shard of these heads, checked.

    Raises:
        DataError: it is missing, damaged, or of another run or schema; or a row is invalid, named by row and column.
    """
    if not file.is_file():
        raise DataError("the shard is missing", file=file, remedy=_RESUME)
    try:
        rows = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError) as error:
        problem = str(error).splitlines()[0]
        raise DataError(f"the shard is damaged ({problem})", file=file, remedy=_RESUME) from error
    _check_schema(rows.schema, schema_of(heads), file)
    if (rows.schema.metadata or {}).get(_RUN, b"").decode() != run:
        raise DataError("the shard is of another run", file=file, remedy=f"Delete it. {_RESUME}")
    _check_rows(rows, heads, file)
    return rows.replace_schema_metadata(None)


def write_labels(folder: Path, rows: pa.Table, run: str, rows_a_shard: int = 20_000) -> int:
    """Write all rows as shards; return the number of shards."""
    count = max(1, -(-len(rows) // rows_a_shard))
    for index in range(count):
        write_shard(folder, index, count, rows.slice(index * rows_a_shard, rows_a_shard), run)
    return count


def read_facts(folder: Path) -> dict[str, Any]:
    """Read ``labels.json``.

    Raises:
        DataError: the file is missing, or this module did not write it.
    """
    file = folder / FACTS
    if not file.is_file():
        made = "ecr-rl label, ecr-rl label import or ecr-rl label merge"
        raise DataError(f"holds no labels ({FACTS} is missing)", file=folder, remedy=f"A folder of {made} is wanted")
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"not JSON ({error})", file=file, remedy=f"Restore it, or label anew. {_RESUME}") from error
    for name, kind in (("run", str), ("shards", int), ("judge", dict), ("heads", list), ("lower_is_better", list)):
        if not isinstance(facts, dict) or not isinstance(facts.get(name), kind):
            raise DataError(
                "missing, or of another type", file=file, field=name, remedy="Take a folder of ecr-rl label"
            )
    return facts


def read_labels(folder: Path) -> LabelTable:
    """Read the labels of a folder.

    Raises:
        DataError: the folder holds none; a shard is missing, damaged or of another run; a row is invalid; two rows
            share a key.
    """
    facts = read_facts(folder)
    names = [shard_name(index, facts["shards"]) for index in range(facts["shards"])]
    _check_files(folder, names)
    tables = [read_shard(folder / name, facts["run"], facts["heads"]) for name in names]
    _check_keys(folder, names, tables)
    return LabelTable(pa.concat_tables(tables), facts)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder to fill, and rename it to ``out`` at the end; delete it if the block fails.

    Raises:
        RunError: ``out`` exists.
    """
    refusal = f"{out} exists. Take another --out, or delete it"
    if out.exists():
        raise RunError(refusal)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
        made = Path(aside) / "made"
        made.mkdir()
        yield made
        try:
            made.rename(out)
        except OSError as error:
            raise RunError(refusal) from error


def _check_files(folder: Path, names: Sequence[str]) -> None:
    """Check that every shard exists, and none of another set of shards."""
    there = {file.name for file in folder.glob("part-*.parquet")}
    missing = [name for name in names if name not in there]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            f"{len(missing)} of {len(names)} shards are missing: {missing[0]}{more}", file=folder, remedy=_RESUME
        )
    foreign = sorted(there - set(names))
    if foreign:
        raise DataError(
            f"the shard is none of this run's {len(names)}", file=folder / foreign[0], remedy="Move it elsewhere"
        )


def _check_schema(schema: pa.Schema, wanted: pa.Schema, file: Path) -> None:
    for field in wanted:
        index = schema.get_field_index(field.name)
        if index < 0 or schema.field(index).type != field.type:
            state = "missing" if index < 0 else f"of type {schema.field(index).type}, not {field.type}"
            raise DataError(f"the column is {state}", file=file, field=field.name, remedy=_foreign(file))
    if schema.names != wanted.names:
        unknown = sorted(set(schema.names) - set(wanted.names)) or ["the columns' order"]
        raise DataError("no column of a label folder", file=file, field=unknown[0], remedy=_foreign(file))


def _foreign(file: Path) -> str:
    return f"Delete {file.name} if it is not yours. {_RESUME}"


def _check_rows(rows: pa.Table, heads: Sequence[str], file: Path) -> None:
    """Name the first row that no writer of this module could have written."""
    for field in schema_of(heads):
        column = rows.column(field.name)
        if not field.nullable and column.null_count:
            raise _row_error(file, column.to_pylist().index(None), field.name, "null")
    for name, allowed in (("split", SPLITS), ("kind", tuple(map(str, Kind)))):
        for row, value in enumerate(rows.column(name).to_pylist()):
            if value not in allowed:
                raise _row_error(file, row, name, repr(value))
    for head in heads:
        for row, score in enumerate(rows.column(head).to_pylist()):
            if score is not None and not 0 <= score <= 1:  # also true for NaN
                raise _row_error(file, row, head, repr(score))
    for row, context in enumerate(rows.column("context").to_pylist()):
        for index, turn in enumerate(context):
            if turn is None or not turn.startswith(("seeker:", "recommender:")):
                raise _row_error(file, row, f"context[{index}]", repr(turn))


def _row_error(file: Path, row: int, field: str, value: str) -> DataError:
    return DataError(
        f"row {row + 1}: {value} cannot stand there", file=file, field=field, remedy=f"Delete {file.name}. {_RESUME}"
    )


def _check_keys(folder: Path, names: Sequence[str], tables: Sequence[pa.Table]) -> None:
    keys = [key for rows in tables for key in rows.column("key").to_pylist()]
    if len(set(keys)) == len(keys):
        return
    twice = next(key for key, count in Counter(keys).items() if count > 1)
    shards = [name for name, rows in zip(names, tables, strict=True) if twice in rows.column("key").to_pylist()]
    raise DataError(
        f"{twice} stands more than once", file=folder / shards[-1], field="key", remedy=f"Delete the shard. {_RESUME}"
    )
