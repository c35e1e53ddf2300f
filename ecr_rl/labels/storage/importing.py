"""Import labels from JSON lines, one labelled reply a line, into a label folder.

A line is an object:

    {"context": ["seeker: …", "recommender: …"], "response": "…", "scores": {"empathy": 0.5, "bleu": null}}

* ``context``: the turns before the response, each with its speaker in front; an empty list if the recommender opens.
* ``response``: the text that was judged.
* ``scores``: for each head a number in [0, 1], or null for no score; heads may be left out, but one is needed.
* ``judge``: who scored (default ``import``).    ``kind``: how the response came to be (default ``human``).
* ``split``: ``train``, ``valid`` or ``test`` (default ``train``).
* ``dialogue``: number or text that the lines of one dialogue share (default none).
* ``reference``: the human response to this context (default none).
* ``key``: the example's key, so that it merges with labels of the same key (default: made of the rest).

Other fields are ignored and counted. A line with the split, dialogue, context and response of an earlier line is a
duplicate, and rejected. So is one with the dialogue, context and response of a line in another split, since what is
learnt from must not be judged on; without a dialogue this holds for contexts of three turns and more.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ecr_rl.labels.replies.made_replies import Kind
from ecr_rl.labels.storage.card import complete
from ecr_rl.labels.storage.store import (
    SPLITS,
    LabelTable,
    head_facts,
    new_folder,
    read_turn,
    schema_of,
    score_columns,
    write_labels,
    write_turn,
)
from envs.errors import ConfigError, DataError
from envs.files import json_text, write_text
from envs.heads import Head
from envs.inputs.json_text import JsonFault, parse_json
from envs.inputs.text import UnreadableText, as_said, quoted, read_bytes, recoded

REJECTS = "rejects.jsonl"
SHOWN = 20
"""The most rejected lines that are shown; ``rejects.jsonl`` holds all of them."""
_TELLING_CONTEXT = 3
"""The fewest turns by which a line without a dialogue is told from another."""
FIELDS = ("context", "response", "scores", "judge", "kind", "split", "dialogue", "reference", "key")


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that was not imported, and why.

    Attributes:
        file: its path as given.
        line: 1-based.
        field: the field's path; None if the whole line is wrong.
        reason: what is wrong.
    """

    file: str
    line: int
    field: str | None
    reason: str

    def __str__(self) -> str:
        """One line for a person."""
        location = f"{self.file}, line {self.line}"
        return f"{location}: {self.reason}" if self.field is None else f"{location}, field {self.field}: {self.reason}"


@dataclass(frozen=True)
class Imported:
    """The result of an import.

    Attributes:
        facts: the content of ``labels.json``.
        rejects: every line that was not imported.
        passed_over: unknown fields, and the number of lines that have each.
    """

    facts: Mapping[str, Any]
    rejects: Sequence[Reject]
    passed_over: Mapping[str, int]


class _Refusal(Exception):
    """Why a line is rejected: field and reason."""


def import_labels(files: Sequence[Path], out: Path, heads: Sequence[Head], command: str = "") -> Imported:
    """Import JSON lines of several files into one new label folder.

    Args:
        files: the parts, in the schema of this module.
        out: the folder to make; ``rejects.jsonl`` in it lists what was rejected.
        heads: what the lines may score, in the order of the folder's columns.
        command: the command line, for the card.

    Raises:
        ConfigError: no file is given.
        DataError: a file cannot be read, or not one line can be used.
        RunError: ``out`` exists.
    """
    if not files:
        raise ConfigError("no file to import; give one or more JSON-lines files")
    reading = _Reading(tuple(head.name for head in heads))
    for file in files:
        reading.read(file)
    if not reading.rows:
        shown = "\n".join(f"  {reject}" for reject in reading.rejects[:SHOWN])
        raise DataError(
            f"none of {len(reading.rejects)} lines can be used:\n{shown or '  the files are empty'}\n"
            "The lines' schema stands in: ecr-rl label import --help"
        )
    return _write(reading, files, out, heads, command)


class _Reading:
    """The rows and rejects so far, and the line of each example and key."""

    def __init__(self, heads: tuple[str, ...]) -> None:
        self.heads = heads
        self.rows: list[dict[str, Any]] = []
        self.scores: list[dict[str, float | None]] = []
        self.rejects: list[Reject] = []
        self.passed_over: Counter[str] = Counter()
        self.digest = hashlib.sha256()
        self._seen: dict[str, str] = {}
        self._split_of: dict[str, tuple[str, str]] = {}

    def read(self, file: Path) -> None:
        """Read a file's lines into rows and rejects."""
        for number, content in _lines(file):
            self.digest.update(content + b"\n")
            try:
                row, scores, unknown = _parse(content, self.heads)
                self._check_new(row, f"{file}, line {number}")
            except _Refusal as refusal:
                self.rejects.append(Reject(str(file), number, *refusal.args))
            else:
                self.rows.append(row)
                self.scores.append(scores)
                self.passed_over.update(unknown)

    def _check_new(self, row: Mapping[str, Any], location: str) -> None:
        """Refuse a row whose example or key was seen before, or whose texts were seen in another split."""
        if row["dialogue"] is not None or len(row["context"]) >= _TELLING_CONTEXT:
            texts = _digest({**row, "split": None})
            split, first = self._split_of.setdefault(texts, (row["split"], location))
            if split != row["split"]:
                raise _Refusal("split", f"{first} has the same in split {split}; keep it in one of them")
        for name, identity in ((None, f"example {_digest(row)}"), ("key", f"key {row['key']}")):
            if identity in self._seen:
                raise _Refusal(name, f"{self._seen[identity]} has the same; import each judge's labels by themselves")
            self._seen[identity] = location


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their 1-based numbers."""
    remedy = "Give JSON-lines files."
    try:
        lines = recoded(read_bytes(file, remedy=remedy)).split(b"\n")
    except UnreadableText as error:
        raise DataError(error.what, file=file, line=error.line, remedy=remedy) from error
    for number, content in enumerate(lines, start=1):
        if content.strip():
            yield number, content


def _parse(content: bytes, heads: Sequence[str]) -> tuple[dict[str, Any], dict[str, float | None], list[str]]:
    """Row, scores and unknown fields of a line."""
    try:
        line = parse_json(content)
    except JsonFault as fault:
        raise _Refusal(fault.field, fault.what) from fault
    if not isinstance(line, dict):
        raise _Refusal(None, "not an object")
    for name in ("context", "response", "scores"):
        if name not in line:
            raise _Refusal(name, "missing")
    row = {
        "context": _context(line["context"]),
        "reply": _text(line["response"], "response"),
        "reference": None if line.get("reference") is None else _text(line["reference"], "reference"),
        "judge": _text(line.get("judge", "import"), "judge"),
        "kind": _one_of(line.get("kind", "human"), "kind", [str(kind) for kind in Kind]),
        "split": _one_of(line.get("split", "train"), "split", SPLITS),
        "dialogue": _dialogue(line.get("dialogue")),
    }
    row["key"] = _text(line["key"], "key") if line.get("key") is not None else f"import-{_digest(row)[:16]}"
    return row, _scores(line["scores"], heads), [name for name in line if name not in FIELDS]


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _Refusal(name, f"{_type(value)}, not text")
    if not value.strip():
        raise _Refusal(name, "empty")
    return as_said(value)


def _context(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise _Refusal("context", f"{_type(value)}, not a list")
    turns = []
    for index, turn in enumerate(value):
        name = f"context[{index}]"
        try:
            turns.append(write_turn(read_turn(_text(turn, name))))
        except ValueError as error:
            raise _Refusal(name, "begins with neither 'seeker:' nor 'recommender:'") from error
    return turns


def _scores(value: Any, heads: Sequence[str]) -> dict[str, float | None]:
    if not isinstance(value, dict):
        raise _Refusal("scores", f"{_type(value)}, not an object")
    for head, score in value.items():
        name = f"scores.{head}"
        if head not in heads:
            raise _Refusal(name, f"no head; the heads are {', '.join(heads)}")
        if score is None:
            continue
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise _Refusal(name, f"{_type(score)}, not a number or null")
        if not 0 <= score <= 1:
            raise _Refusal(name, f"{quoted(score)} is not in [0, 1]")
    if all(score is None for score in value.values()):
        raise _Refusal("scores", "no head has a score")
    return value


def _one_of(value: Any, name: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise _Refusal(name, f"{quoted(value)} is none of {', '.join(allowed)}")
    return value


def _dialogue(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value, "dialogue")


def _type(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


def _digest(row: Mapping[str, Any]) -> str:
    """The identity of a row's example: a hash of its split, dialogue and texts."""
    texts = [row["split"], row["dialogue"], row["context"], row["reply"]]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _write(reading: _Reading, files: Sequence[Path], out: Path, heads: Sequence[Head], command: str) -> Imported:
    rows = _table(reading)
    digest = reading.digest.hexdigest()
    names = sorted(set(rows.column("judge").to_pylist()))
    facts: dict[str, Any] = {
        "run": hashlib.sha256(f"import {digest}".encode()).hexdigest(),
        "source": {"files": [file.name for file in files], "lines sha256": digest},
        **head_facts(heads),
        "judge": {"name": "+".join(names), "imported": True},
        "rejected": len(reading.rejects),
        "licence": "Imported: texts and labels keep the licence of the files that they come from.",
        "command": command,
        "n": len(rows),
    }
    with new_folder(out) as folder:
        facts["shards"] = write_labels(folder, rows, facts["run"])
        facts = complete(folder, LabelTable(rows, facts))
        lines = [
            {"file": reject.file, "line": reject.line, "field": reject.field, "reason": reject.reason}
            for reject in reading.rejects
        ]
        write_text(folder / REJECTS, "".join(json_text(line) + "\n" for line in lines))
    return Imported(facts, reading.rejects, dict(reading.passed_over))


def _table(reading: _Reading) -> pa.Table:
    heads, schema = reading.heads, schema_of(reading.heads)
    values = np.array([[scores.get(head) for head in heads] for scores in reading.scores], dtype=np.float64)
    known = ~np.isnan(values)
    columns: dict[str, Any] = {
        name: [row.get(name) for row in reading.rows] for name in schema.names if name not in heads
    }
    columns |= score_columns(np.where(known, values, 0.0), known, heads)
    columns["flagged"] = [False] * len(reading.rows)
    return pa.table(columns, schema=schema)
