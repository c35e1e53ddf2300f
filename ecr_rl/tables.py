"""Figures in tables: how a number is written, and tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def shown(value: float | None) -> str:
    """A figure to three decimals, a dash where it is not defined."""
    return "-" if value is None else f"{value:.3f}"


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
