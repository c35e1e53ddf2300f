"""Read ReDial (Li et al., NeurIPS 2018), from its files or the hub, into checked dialogues and a catalogue."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envs.catalog import Catalog
from envs.corpora.download import Progress
from envs.corpora.redial_films import declared_films, read_films
from envs.corpora.redial_hub import PREFIX, load_rows
from envs.corpora.redial_hub import location as hub_location
from envs.corpora.redial_record import RecordLocation, RecordReader
from envs.corpora.redial_source import SourceFile, read_files
from envs.dialogue import Dialogue
from envs.errors import DataError
from envs.inputs.json_text import JsonFault, parse_json


@dataclass(frozen=True)
class Redial:
    """What a ReDial source holds.

    Attributes:
        train: the official train dialogues, in the file's order; validation is still part of them.
        test: the official test dialogues.
        catalog: the films.
        repairs: how often each of ``envs.corpora.redial_record.REPAIRS`` was made.
        train_origins: where each train dialogue stands, for errors.
        test_origins: where each test dialogue stands.
    """

    train: tuple[Dialogue, ...]
    test: tuple[Dialogue, ...]
    catalog: Catalog
    repairs: Mapping[str, int]
    train_origins: tuple[RecordLocation, ...]
    test_origins: tuple[RecordLocation, ...]


def read_redial(source: str, cache: Path, on_progress: Progress | None = None) -> Redial:
    """Read and check ReDial.

    Args:
        source: ``official``, an http(s) address, a zip, a folder, or ``hf:owner/name``.
        cache: folder that keeps downloads (the hub's copy is cached by ``datasets``).
        on_progress: called with a download's bytes: (received, total).

    Raises:
        DataError: nothing to read, or a record that cannot be used; names file, line and field.
    """
    if source.startswith(PREFIX):
        return _from_hub(source)
    files = read_files(source, cache, on_progress)
    reader = RecordReader(read_films(files.films))
    with _uncollected():
        train, test = (_dialogues(reader, _parsed(file)) for file in (files.train, files.test))
    return _redial(train, test, reader)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: it would walk the dialogues over and over, and they all stay."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _from_hub(source: str) -> Redial:
    rows = load_rows(source)
    catalog = declared_films(row for split in rows.values() for row in split)
    reader = RecordReader(catalog)
    train, test = (
        _dialogues(reader, ((hub_location(source, split, i), row) for i, row in enumerate(rows[split], start=1)))
        for split in ("train", "test")
    )
    return _redial(train, test, reader)


_Located = list[tuple[RecordLocation, Dialogue]]


def _redial(train: _Located, test: _Located, reader: RecordReader) -> Redial:
    return Redial(
        train=tuple(dialogue for _, dialogue in train),
        test=tuple(dialogue for _, dialogue in test),
        catalog=reader.films,
        repairs=dict(reader.repairs),
        train_origins=tuple(location for location, _ in train),
        test_origins=tuple(location for location, _ in test),
    )


def _dialogues(reader: RecordReader, records: Iterable[tuple[RecordLocation, object]]) -> _Located:
    return [(location, reader.dialogue(record, location, index)) for index, (location, record) in enumerate(records)]


def _parsed(file: SourceFile) -> Iterable[tuple[RecordLocation, object]]:
    """The JSON values of a file's lines."""
    empty = True
    for number, line in file.lines():
        location, empty = RecordLocation(file.origin, number), False
        try:
            yield location, parse_json(line)
        except JsonFault as fault:
            raise location.error(fault.field, fault.what, "Fetch the file again, or mend the line.") from fault
    if empty:
        raise DataError("the file holds no dialogue", file=file.origin, remedy="Fetch the file again.")
