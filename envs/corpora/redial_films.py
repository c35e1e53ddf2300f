"""The films of ReDial: its official table, and genres, people and plots from a metadata folder."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from envs.catalog import Catalog, Film, split_name
from envs.corpora.redial_source import SourceFile
from envs.errors import DataError

_HEADER = ["movieId", "movieName", "nbMentions"]
METADATA = "id2info.json"
"""The file of a metadata folder: film id to ``genre``, ``director``, ``star`` (lists) and ``plot``."""


def read_films(table: SourceFile) -> Catalog:
    """The catalogue from ``movies_with_mentions.csv``.

    Raises:
        DataError: the header differs, a row is not an id, a name and a count, or an id occurs twice.
    """
    try:
        text = table.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = table.content.count(b"\n", 0, error.start) + 1
        raise DataError("not UTF-8 text", file=table.origin, line=line, remedy="Save the table as UTF-8.") from error
    films: dict[int, Film] = {}
    for line, row in _rows(text, table.origin):
        film = _film(row, table.origin, line)
        if film.film_id in films:
            raise DataError(
                f"film {film.film_id} stands there twice",
                file=table.origin,
                line=line,
                field="movieId",
                remedy="Keep one of the rows.",
            )
        films[film.film_id] = film
    return Catalog(films.values())


def _rows(text: str, origin: str) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header, with their 1-based line numbers."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(rows, [])
        if header != _HEADER:
            what = f"the header must be {','.join(_HEADER)}, not {','.join(header)}"
            raise DataError(what, file=origin, line=1, remedy="Put it on the first line.")
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise DataError(
            f"not a CSV table ({error})", file=origin, line=rows.line_num, remedy="Mend the row."
        ) from error


def _film(row: list[str], origin: str, line: int) -> Film:
    if len(row) != len(_HEADER):
        raise DataError(
            f"a row must have {len(_HEADER)} columns, not {len(row)}",
            file=origin,
            line=line,
            remedy="Put names that hold a comma into double quotes.",
        )
    for name, value in ((_HEADER[0], row[0]), (_HEADER[2], row[2])):
        if not (value.isascii() and value.isdigit()):
            raise DataError(
                f"must be a number, not {value!r}", file=origin, line=line, field=name, remedy="Mend the row."
            )
    if not row[1].strip():
        raise DataError("must not be empty", file=origin, line=line, field=_HEADER[1], remedy="Name the film.")
    title, year = split_name(row[1])
    return Film(int(row[0]), title, year, mentions=int(row[2]))


def declared_films(records: Iterable[Mapping[str, object]]) -> Catalog:
    """The catalogue of a source without a film table: the films that its records declare, each by its first title.

    ``mentions`` counts the dialogues that declare the film. Malformed entries are skipped here: ``RecordReader``
    reports them.
    """
    names: dict[int, str] = {}
    counts: Counter[int] = Counter()
    for record in records:
        declared = record.get("movieMentions")
        for key, name in declared.items() if isinstance(declared, dict) else ():
            if str(key).isdigit() and isinstance(name, str) and name.strip():
                names.setdefault(int(key), name)
                counts[int(key)] += 1
    return Catalog(Film(film_id, *split_name(name), mentions=counts[film_id]) for film_id, name in names.items())


def add_metadata(catalog: Catalog, folder: Path) -> Catalog:
    """The catalogue with genres, people (director first, then the cast) and plots from ``folder/id2info.json``.

    Films that the file lacks stay as they are; films that the catalogue lacks are ignored.

    Raises:
        DataError: the file is missing, broken, or an entry has another shape.
    """
    file = folder.expanduser() / METADATA
    try:
        entries = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(
            f"the file cannot be read ({error.strerror})",
            file=file,
            remedy=f"data.metadata names a folder with {METADATA}; leave it out to go without.",
        ) from error
    except ValueError as error:
        raise DataError(f"not a JSON file ({error})", file=file, remedy="Fetch it again.") from error
    if not isinstance(entries, dict):
        raise DataError("must be an object of film id to entry", file=file, remedy="Fetch it again.")
    return Catalog(_with_metadata(film, entries.get(str(film.film_id)), file) for film in catalog)


def film_facts(catalog: Catalog) -> dict[str, dict[str, object]]:
    """A catalogue's genres, people and plots in the form of a metadata file; films without any are left out."""
    return {
        str(film.film_id): {"genre": film.genres, "director": [], "star": film.people, "plot": film.plot}
        for film in catalog
        if film.genres or film.people or film.plot
    }


def _with_metadata(film: Film, entry: object, file: Path) -> Film:
    if entry is None:
        return film
    if not isinstance(entry, dict):
        raise DataError("must be an object", file=file, field=str(film.film_id), remedy="Mend the entry.")
    plot = entry.get("plot") or ""
    if not isinstance(plot, str):
        raise DataError("must be a string", file=file, field=f"{film.film_id}.plot", remedy="Mend the entry.")
    genres, directors, cast = (_names(film, entry, key, file) for key in ("genre", "director", "star"))
    return replace(
        film,
        genres=tuple(dict.fromkeys(genre.lower() for genre in genres)),
        people=tuple(dict.fromkeys((*directors, *cast))),
        plot=plot,
    )


def _names(film: Film, entry: Mapping[str, object], key: str, file: Path) -> list[str]:
    """A list of names; a missing one is empty."""
    value = entry.get(key) or []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DataError("must be a list of strings", file=file, field=f"{film.film_id}.{key}", remedy="Mend the entry.")
    return value
