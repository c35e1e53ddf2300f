from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from envs.catalog import Catalog, Film
from envs.corpora.corpus import Corpus, load_corpus, names_reader
from envs.corpora.embedded.sample import sample_corpus
from envs.corpora.redial_record import RecordReader
from envs.dialogue import Dialogue, Message, Role
from envs.errors import ConfigError, DataError
from envs.settings import DataSettings
from tests.envs.redial_files import record, write_folder, write_zip


def load(source: Path, **settings: Any) -> Corpus:
    return load_corpus(DataSettings.model_validate({"source": str(source), "validation_dialogues": 3} | settings))


def test_a_redial_corpus_has_three_splits(tmp_path: Path):
    corpus = load(write_folder(tmp_path / "r"))
    assert corpus.name == "redial"
    assert [d.conversation_id for d in corpus.valid] == [9, 10, 11]
    assert [d.conversation_id for d in corpus.train] == [*range(1, 9), None]
    assert [d.conversation_id for d in corpus.test] == [20001, 20002]
    assert corpus.repairs == {"unknown_conversation_id": 1, "unknown_answer": 3}


def test_limit_spreads_what_it_keeps_over_each_split(tmp_path: Path):
    corpus = load(write_folder(tmp_path / "r"), limit=2)
    assert [d.conversation_id for d in corpus.train] == [1, 5]
    assert [d.conversation_id for d in corpus.valid] == [9, 10]
    assert len(corpus.test) == 2


def test_the_fingerprint_follows_content_and_choices_but_not_paths(tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    archive = write_zip(tmp_path / "redial.zip", folder)
    ids = tmp_path / "ids.json"
    ids.write_text("[9, 10, 11]")
    changed = write_folder(tmp_path / "other", test=[record("20003")])
    same = {load(folder).fingerprint, load(archive).fingerprint, load(folder, validation=str(ids)).fingerprint}
    other = [
        load(folder, limit=2).fingerprint,
        load(folder, validation_dialogues=4).fingerprint,
        load(folder, validation="random").fingerprint,
        load(changed).fingerprint,
        load(folder, metadata=str(metadata(tmp_path, {"1": {"genre": ["horror"]}}))).fingerprint,
    ]
    assert len(same) == 1
    assert len({*same, *other}) == 6


def test_a_reader_that_reads_otherwise_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_folder(tmp_path / "r")
    before = load(folder).fingerprint
    read = RecordReader.dialogue

    def mended(self: RecordReader, *given: Any) -> Dialogue:
        dialogue = read(self, *given)
        return replace(dialogue, messages=dialogue.messages[:-1]) if dialogue.conversation_id == 20002 else dialogue

    monkeypatch.setattr(RecordReader, "dialogue", mended)
    assert load(folder).fingerprint != before


def metadata(folder: Path, entries: object) -> Path:
    (folder / "id2info.json").write_text(json.dumps(entries))
    return folder


def test_metadata_fills_genres_people_and_plot(tmp_path: Path):
    entry = {"genre": ["Horror", "sci-fi"], "director": ["Ridley Scott"], "star": ["S. Weaver", "Ridley Scott"]}
    entries = {"1": {**entry, "plot": "In space."}, "2": {"name": "The Conjuring"}, "77": {}}
    catalog = load(write_folder(tmp_path / "r"), metadata=str(metadata(tmp_path, entries))).catalog
    assert catalog[1].genres == ("horror", "sci-fi")
    assert catalog[1].people == ("Ridley Scott", "S. Weaver")
    assert catalog[1].plot == "In space."
    assert catalog.describe(1) == "Alien (1979), horror, sci-fi"
    assert (catalog[2].genres, catalog[3].genres, 77 in catalog) == ((), (), False)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "must be an object of film id to entry"),
        ({"1": []}, "field 1: must be an object"),
        ({"1": {"genre": "horror"}}, r"field 1\.genre: must be a list of strings"),
        ({"1": {"plot": 3}}, r"field 1\.plot: must be a string"),
    ],
)
def test_broken_metadata_is_named(tmp_path: Path, entries: object, message: str):
    with pytest.raises(DataError, match=message):
        load(write_folder(tmp_path / "r"), metadata=str(metadata(tmp_path, entries)))


def test_placeholders_in_metadata_are_no_genres_and_no_people(tmp_path: Path):
    entry = {
        "genre": ["(no genres listed)", " Action|Comedy"],
        "star": ["\\N", "", None],
        "director": "N/A",
        "plot": "-",
    }
    (tmp_path / "id2info.json").write_text(json.dumps({"1": entry}))
    film = load(write_folder(tmp_path / "r"), metadata=str(tmp_path)).catalog[1]
    assert (film.genres, film.people, film.plot) == (("action", "comedy"), (), "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"1": {"genre": ["a"], "genre": ["b"]}}', r"field 1\.genre: the key stands there twice"),
        ('{"1": {"year": NaN}}', r"field 1\.year: NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"1": {"plot": "\\ud83d"}}', r"field 1\.plot: half of a surrogate pair"),
    ],
)
def test_metadata_without_one_meaning_is_refused(tmp_path: Path, content: str, message: str):
    (tmp_path / "id2info.json").write_text(content)
    with pytest.raises(DataError, match=rf"id2info\.json.*{message}"):
        load(write_folder(tmp_path / "r"), metadata=str(tmp_path))


def test_missing_metadata_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"id2info\.json: the file cannot be read"):
        load(write_folder(tmp_path / "r"), metadata=str(tmp_path))


def test_the_sample_corpus_is_the_default_and_follows_the_seed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("envs.corpora.corpus.sample_corpus", partial(sample_corpus, 160))  # the whole takes seconds
    corpus = load_corpus(DataSettings())
    assert corpus.name == "sample"
    assert [len(dialogues) for dialogues in corpus.splits.values()] == [120, 20, 20]
    assert corpus.fingerprint == load_corpus(DataSettings()).fingerprint
    assert corpus.fingerprint != load_corpus(DataSettings(seed=1)).fingerprint
    indices = [dialogue.index for dialogues in corpus.splits.values() for dialogue in dialogues]
    assert indices == list(range(160))


def own_corpus(settings: DataSettings, cache: Path) -> Corpus:
    """A reader of three dialogues a split, named by its place in this module."""
    turns = (Message(Role.SEEKER, "Something scary?"), Message(Role.RECOMMENDER, f"@{settings.seed}"))
    dialogues = tuple(Dialogue(number, number, turns, {7: "Alien (1979)"}) for number in range(3))
    return Corpus("own", dialogues, dialogues, dialogues, Catalog([Film(7, "Alien", 1979)]))


def no_corpus(settings: DataSettings, cache: Path) -> list[Dialogue]:
    """What a reader must not return."""
    return []


def test_an_own_reader_is_named_as_module_and_function(tmp_path: Path):
    corpus = load_corpus(DataSettings(source=f"{__name__}:own_corpus", seed=7, limit=2), tmp_path)
    assert corpus.name == "own"
    assert [len(dialogues) for dialogues in corpus.splits.values()] == [2, 2, 2]


def test_what_an_own_reader_gives_is_checked(tmp_path: Path):
    with pytest.raises(DataError, match="train dialogue 0 names film 8"):
        load_corpus(DataSettings(source=f"{__name__}:own_corpus", seed=8), tmp_path)
    with pytest.raises(ConfigError, match="it returned a list, no Corpus"):
        load_corpus(DataSettings(source=f"{__name__}:no_corpus"), tmp_path)
    with pytest.raises(ConfigError, match="corpus reader no_module_here:read: no module no_module_here"):
        load_corpus(DataSettings(source="no_module_here:read"), tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "sample",
        "official",
        "C:data",
        "C:\\data\\redial.zip",
        "hf:re_dial",
        "hf:owner/name",
        "https://host/a.zip",
        "a/b:c",
    ],
)
def test_a_path_a_drive_and_an_address_are_no_readers(source: str):
    assert not names_reader(source)


def test_a_file_that_exists_is_no_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert names_reader("part:one")
    monkeypatch.chdir(tmp_path)
    Path("part:one").touch()
    assert not names_reader("part:one")


def half_pair_corpus(settings: DataSettings, cache: Path) -> Corpus:
    """A reader that passes half of a surrogate pair on."""
    train, valid, test = (
        (Dialogue(split, 0, (Message(Role.SEEKER, text),), {}),)
        for split, text in enumerate(("Hi", "Hi \ud83d", "Yes"))
    )
    return Corpus("own", train, valid, test, Catalog([Film(7, "Alien", 1979)]))


def test_half_of_a_surrogate_pair_of_an_own_reader_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="valid dialogue 1 holds a NUL character or half of a surrogate pair"):
        load_corpus(DataSettings(source=f"{__name__}:half_pair_corpus"), tmp_path)
