"""Figures in tables: how a number is written, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def shown(value: float | None) -> str:
    """A figure to three decimals, a dash where it is not defined."""
    return "-" if value is None else f"{value:.3f}"


def with_interval(value: Mapping[str, float] | None) -> str:
    """``mean [low, high]`` to three decimals, a dash where it is not defined."""
    if value is None or value["mean"] is None:
        return "-"
    return f"{value['mean']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"


def share(value: float | None) -> str:
    """A share in percent to one decimal, a dash where it is not defined."""
    return "-" if value is None else f"{value:.1%}"


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
