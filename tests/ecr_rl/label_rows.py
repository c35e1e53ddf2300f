"""Rows of a label folder for the tests of what reads, merges and describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ecr_rl.labels.storage.store import FACTS, head_facts, schema_of, write_shard
from envs.files import write_json
from envs.heads import Head
from tests.known_heads import DEFINITIONS, HEADS


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
    return usual | given


def table(rows: Sequence[Mapping[str, Any]], heads: Sequence[str] = HEADS) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema_of(heads))


def folder_of(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    shards: int = 1,
    judge: str = "rubric",
    heads: Sequence[Head] = DEFINITIONS,
) -> Path:
    """A label folder with these rows; of their scores those of these heads."""
    path.mkdir(parents=True)
    whole = table(rows, [head.name for head in heads])
    for index in range(shards):
        start, stop = len(whole) * index // shards, len(whole) * (index + 1) // shards
        write_shard(path, index, shards, whole.slice(start, stop - start), f"run of {judge}")
    facts = {"run": f"run of {judge}", "shards": shards, "judge": {"name": judge}, "n": len(whole)}
    write_json(path / FACTS, facts | head_facts(heads))
    return path
