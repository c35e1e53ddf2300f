"""Several runs beside their baselines, as a Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecr_rl.evaluation.definitions import FIGURES, MORE
from ecr_rl.report.wording import MARKS, figure, mean_and_interval, reading
from ecr_rl.tables import table_lines

SHOWN = (*(figure.name for figure in FIGURES), "dist1_all", "distinct_replies", "accepted", "turns", "sr", "rdl")
"""The figures of the table, in order."""


def results_table(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """The differences rl - baseline of each run and of all together, ending with a line break.

    Args:
        found: what ``nested.compare_runs`` returns.
        names: of the runs, in their order.
    """
    several = len(names) > 1
    header = ["figure", *names, *(["all runs"] if several else []), ""]
    rows = []
    for definition in (*FIGURES, *MORE):
        if definition.name in SHOWN:
            together = figure(found["difference"], definition.name)
            columns = [figure(each, definition.name) for each in found["each"]] if several else []
            cells = [mean_and_interval(value, definition.decimals, signed=True) for value in (*columns, together)]
            rows.append([f"`{definition.name}`", *cells, _mark(reading(definition, together))])
    runs, over = (f"{len(names)} runs", "; of all runs over runs and dialogues") if several else ("one run", "")
    note = (
        f"{found['n']} dialogues of the test split, {runs}; rl - baseline, mean [95 % bootstrap interval over "
        f"dialogues{over}]. "
        f"{MARKS['better']} better, {MARKS['worse']} worse, {MARKS['changed']} changed: the interval excludes 0."
    )
    return f"{table_lines(header, rows, ['---', *['---:'] * (len(header) - 2), '---'])}\n\n{note}\n"


def _mark(found: str) -> str:
    return f"{MARKS[found]} {found}" if found in ("better", "worse", "changed") else ""
