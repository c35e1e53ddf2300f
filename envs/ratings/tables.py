"""Tables of ratings with a header, as the original files of AB-ReDial, CRS-Que and EPITOME are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from envs.errors import DataError
from envs.inputs.text import quoted
from envs.ratings.rated_text import Location, number_of

REMEDY = "Fetch the file again; docs/people.md says where."


def columns_of(text: str) -> tuple[str, ...]:
    """The columns of a table, by its first line; what is no table gives what its first line looks like."""
    line = next(iter(text.splitlines()), "")
    try:
        return tuple(cell.strip() for cell in next(csv.reader([line]), ()))
    except csv.Error:
        return ()


def rows_of(file: Path, text: str, wanted: Sequence[str]) -> Iterator[tuple[Location, Mapping[str, str]]]:
    """The rows of a table, each with its first line and its cells by column; blank rows are left out.

    Args:
        file: the file, for errors.
        text: its content.
        wanted: columns that there must be.

    Raises:
        DataError: a column is missing or stands twice, a row has more or fewer cells, or the table is broken.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = [cell.strip() for cell in _cells(reader, Location(file, 1, REMEDY)) or ()]
    for column in wanted:
        if columns.count(column) != 1:
            what = "the column is missing" if column not in columns else "the column stands there twice"
            raise DataError(what, file=file, line=1, field=column, remedy=REMEDY)
    while True:
        location = Location(file, reader.line_num + 1, REMEDY)
        cells = _cells(reader, location)
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise location.error(None, f"{len(cells)} cells, not {len(columns)} as in the header")
        yield location, dict(zip(columns, cells, strict=True))


def _cells(reader: Iterator[list[str]], location: Location) -> list[str] | None:
    """The next row; None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        raise location.error(None, f"no row of a table: {error}") from error


def number_in(cell: str, field: str, location: Location) -> float | None:
    """The number in a cell; None if the cell is blank.

    Raises:
        DataError: it holds something else.
    """
    if not cell.strip():
        return None
    try:
        number = float(cell)
    except ValueError:
        raise location.error(field, f"must be a number, not {quoted(cell)}") from None
    return number_of(number, field, location)
