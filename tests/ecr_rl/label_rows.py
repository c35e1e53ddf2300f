"""Rows of a label folder for the tests of what reads, merges and describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ecr_rl.labels.storage.store import FACTS, SCHEMA, write_shard
from envs.files import write_json
from envs.heads import HEADS


def row(name: str, **given: Any) -> dict[str, Any]:
    """A row of the schema: scores of .5, and what is given."""
    usual = {
        "key": name,
        "split": "train",
        "kind": "human",
        "context": ["seeker: Hi: any comedies?"],
        "reply": "Try Up (2009).",
        "judge": "rubric",
        "context_form": "plain",
        "flagged": False,
        **dict.fromkeys(HEADS, 0.5),
    }
    return {name: {**usual, **given}.get(name) for name in SCHEMA.names}


def table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def folder_of(path: Path, rows: Sequence[Mapping[str, Any]], shards: int = 1, judge: str = "rubric") -> Path:
    """A label folder with these rows."""
    path.mkdir(parents=True)
    whole = table(rows)
    for index in range(shards):
        start, stop = len(whole) * index // shards, len(whole) * (index + 1) // shards
        write_shard(path, index, shards, whole.slice(start, stop - start), f"run of {judge}")
    write_json(path / FACTS, {"run": f"run of {judge}", "shards": shards, "judge": {"name": judge}, "n": len(whole)})
    return path
