"""The films of ReDial: its official table, and genres, people and plots from a metadata folder."""

from __future__ import annotations

import csv
import html
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from envs.catalog import Catalog, Film, split_name
from envs.corpora.redial_source import SourceFile
from envs.dialogue import LAST_ID
from envs.errors import DataError
from envs.files import user_path
from envs.inputs.json_text import read_json
from envs.inputs.numbers import whole_number
from envs.inputs.placeholders import film_name, genre_names, person_names, plot_text
from envs.inputs.text import quoted

_HEADER = ["movieId", "movieName", "nbMentions"]
METADATA = "id2info.json"
"""The file of a metadata folder: film id to ``genre``, ``director``, ``star`` (lists) and ``plot``."""


def read_films(table: SourceFile) -> Catalog:
    """The catalogue from ``movies_with_mentions.csv``.

    Raises:
        DataError: it is no text, the header differs, a row is not an id, a name and a count, or an id occurs twice.
    """
    films: dict[int, Film] = {}
    for line, row in _rows(table.text, table.origin):
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
            what = f"the header must be {','.join(_HEADER)}, not {quoted(','.join(header))}"
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
    for field, value in ((_HEADER[0], row[0]), (_HEADER[2], row[2])):
        if whole_number(value, LAST_ID) is None:
            what = f"must be a number{f' up to {LAST_ID}' if value.isdigit() else ''}, not {quoted(value)}"
            raise DataError(what, file=origin, line=line, field=field, remedy="Mend the row.")
    name = film_name(row[1])
    if not name:
        what = f"must be a name, not {quoted(row[1])}" if row[1].strip() else "must not be empty"
        raise DataError(what, file=origin, line=line, field=_HEADER[1], remedy="Name the film.")
    title, year = split_name(name)
    return Film(int(row[0]), title, year, mentions=int(row[2]))


def twice(film_id: object) -> tuple[str, str]:
    """Fault and remedy of a film that two entries name."""
    return f"film {film_id} stands there twice", "Keep one of the entries."


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
            film_id, name = whole_number(str(key), LAST_ID), film_name(name) if isinstance(name, str) else ""
            if film_id is not None and name:
                names.setdefault(film_id, name)
                counts[film_id] += 1
    return Catalog(Film(film_id, *split_name(name), mentions=counts[film_id]) for film_id, name in names.items())


def add_metadata(catalog: Catalog, folder: Path) -> Catalog:
    r"""The catalogue with genres, people (director first, then the cast) and plots from ``folder/id2info.json``.

    Films that the file lacks stay as they are; films that the catalogue lacks are ignored. Placeholders such as
    ``(no genres listed)`` and ``\N`` are left out.

    Raises:
        DataError: the file is missing or broken, names a film twice, or an entry has another shape.
    """
    file = user_path(folder) / METADATA
    entries = read_json(file, remedy=f"data.metadata names a folder with {METADATA}; leave it out to go without.")
    if not isinstance(entries, dict):
        raise DataError("must be an object of film id to entry", file=file, remedy="Fetch it again.")
    by_id: dict[int, object] = {}
    for key, entry in entries.items():
        film_id = whole_number(key, LAST_ID)
        if film_id in by_id:
            what, remedy = twice(film_id)
            raise DataError(what, file=file, field=key, remedy=remedy)
        if film_id is not None:
            by_id[film_id] = entry
    return Catalog(_with_metadata(film, by_id.get(film.film_id), file) for film in catalog)


def film_facts(catalog: Catalog) -> dict[str, dict[str, object]]:
    """A catalogue's genres, people and plots in the form of a metadata file; films without any are left out.

    ``&`` is written as an HTML entity, so that ``add_metadata`` reads the same text.
    """
    return {
        str(film.film_id): {
            "genre": [html.escape(genre, quote=False) for genre in film.genres],
            "director": [],
            "star": [html.escape(person, quote=False) for person in film.people],
            "plot": html.escape(film.plot, quote=False),
        }
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
    genres, directors, cast = (_entries(film, entry, key, file) for key in ("genre", "director", "star"))
    people = person_names((*directors, *cast))
    return replace(film, genres=tuple(genre_names(genres)), people=tuple(people), plot=plot_text(plot))


def _entries(film: Film, entry: Mapping[str, object], key: str, file: Path) -> list[str]:
    """A list of names as the file has it; a missing one and a placeholder in place of a list are empty."""
    value = entry.get(key) or []
    names = [] if isinstance(value, str) and not person_names([value]) else value
    if not isinstance(names, list) or not all(name is None or isinstance(name, str) for name in names):
        raise DataError("must be a list of strings", file=file, field=f"{film.film_id}.{key}", remedy="Mend the entry.")
    return [name for name in names if name is not None]
