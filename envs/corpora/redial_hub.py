"""ReDial from the Hugging Face hub, where rows hold lists in place of the files' objects by film id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from envs.corpora.redial_films import twice
from envs.corpora.redial_record import RecordLocation
from envs.errors import DataError
from envs.files import user_path

PREFIX = "hf:"
"""Starts a source that ``datasets`` reads: ``hf:owner/name``, or ``hf:FOLDER`` with files that it can read."""

_REMEDY = (
    "The first load needs a network; later ones use the cache of datasets. Without one, give a ReDial zip or folder as "
    "data.source. Known on the hub: hf:community-datasets/re_dial."
)


def load_rows(source: str) -> dict[str, list[dict[str, object]]]:
    """The rows of the ``train`` and ``test`` splits, in ReDial's own form.

    Raises:
        DataError: ``datasets`` cannot load it, or a split is missing.
    """
    import datasets  # takes a second to import, and only this source needs it
    from datasets.exceptions import DatasetsError

    name = source.removeprefix(PREFIX)
    path = user_path(name)
    try:
        loaded = datasets.load_dataset(str(path) if path.is_dir() else name)
    except (OSError, ValueError, DatasetsError) as error:
        raise DataError(f"datasets cannot load it ({error})", file=source, remedy=_REMEDY) from error
    rows: dict[str, list[dict[str, object]]] = {}
    for split in ("train", "test"):
        if split not in loaded:
            what = f"there is no split {split!r}, only {', '.join(map(str, loaded))}"
            raise DataError(what, file=source, remedy="ReDial has the splits train and test.")
        part = cast(datasets.Dataset, loaded[split])
        rows[split] = [file_form(row, location(source, split, i)) for i, row in enumerate(part.to_list(), start=1)]
    return rows


def location(source: str, split: str, row: int) -> RecordLocation:
    """The location of a row for errors: ``hf:owner/name[train]``, and the row's 1-based number as the line."""
    return RecordLocation(f"{source}[{split}]", row)


def file_form(row: Mapping[str, object], location: RecordLocation) -> dict[str, object]:
    """One row in the form of ReDial's files: films and answers as objects by film id, absent columns left out.

    Raises:
        DataError: an entry without a ``movieId``, or a film twice.
    """
    record = {key: value for key, value in row.items() if value is not None or key == "conversationId"}
    record["movieMentions"] = {
        film_id: entry.get("movieName") for film_id, entry in _by_film(row, "movieMentions", location).items()
    }
    for form in ("initiatorQuestions", "respondentQuestions"):
        record[form] = _by_film(row, form, location)
    return record


def _by_film(row: Mapping[str, object], column: str, location: RecordLocation) -> dict[str, dict[str, object]]:
    entries = row.get(column)
    if not isinstance(entries, list):
        raise location.error(column, "must be a list of films", "Rows of the hub's ReDial hold lists there.")
    films: dict[str, dict[str, object]] = {}
    for i, entry in enumerate(entries):
        film_id = entry.get("movieId") if isinstance(entry, dict) else None
        if film_id is None:
            raise location.error(f"{column}[{i}].movieId", "is missing", "Each entry names its film.")
        if str(film_id) in films:
            raise location.error(f"{column}[{i}].movieId", *twice(film_id))
        films[str(film_id)] = entry
    return films
