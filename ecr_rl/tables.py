"""Results in tables: how a number and an interval are written, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_rl.evaluation.bootstrap import Interval

NOT_DEFINED = "-"
"""What stands for a number that is not defined."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of texts.

    Attributes:
        title: its heading.
        note: what must be known to read it.
        columns: their names, the first for the names of the rows.
        rows: texts of the cells, (rows, columns).
    """

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def shown(value: float | None, form: str = ".3f", *, signed: bool = False) -> str:
    """A number in a format, by default with three decimals; a dash where it is not defined. A hair under 0 is 0."""
    return NOT_DEFINED if value is None else f"{value:{'+' if signed else ''}z{form}}"


def bounds(low: float, high: float, form: str = ".3f", *, signed: bool = False) -> str:
    """The bounds of an interval as ``[0.380, 0.447]``."""
    return f"[{shown(low, form, signed=signed)}, {shown(high, form, signed=signed)}]"


def with_interval(
    value: Interval | None, form: str = ".3f", *, signed: bool = False, missing: str = NOT_DEFINED
) -> str:
    """A mean with its interval as ``0.412 [0.380, 0.447]``.

    Args:
        value: what is written.
        form: of each number, such as ``.3f``.
        signed: with a plus before what is not negative, for a difference.
        missing: stands for a value that is not defined.
    """
    if value is None:
        return missing
    return f"{shown(value.mean, form, signed=signed)} {bounds(value.low, value.high, form, signed=signed)}"


def by_chance(intervals: Iterable[object | None]) -> str:
    """How many intervals a table holds, and how many of them would exclude 0 by chance, in a sentence.

    Args:
        intervals: of figures that are 0 if nothing differs, each at 95 %; None where one has no data.
    """
    count = sum(value is not None for value in intervals)
    return (
        f"{count} intervals at 95 %, not corrected for their number: if nothing differed, about {0.05 * count:.1f} of "
        "them would exclude 0 by chance."
    )


def share(value: float | None) -> str:
    """A share in percent to one decimal, a dash where it is not defined."""
    return NOT_DEFINED if value is None else f"{value:.1%}"


def table_lines(header: Iterable[str], rows: Iterable[Iterable[str]], rule: Sequence[str] | None = None) -> str:
    """A Markdown table; bars within a cell are escaped.

    Args:
        header: names of the columns.
        rows: texts of the cells.
        rule: each column's ``---`` or, to the right, ``---:``; by default all to the left.
    """
    names = list(header)
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in (names, rule or ["---"] * len(names), *cells))


def markdown_tables(tables: Iterable[TextTable]) -> str:
    """The tables in Markdown, each under its title; columns but the first to the right."""
    parts = []
    for table in tables:
        rule = ["---", *["---:"] * (len(table.columns) - 1)]
        parts.append(f"### {table.title}\n\n{table.note}\n\n{table_lines(table.columns, table.rows, rule)}\n\n")
    return "".join(parts)
