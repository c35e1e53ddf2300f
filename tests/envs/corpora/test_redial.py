from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from envs.corpora.redial import Redial, read_redial
from envs.corpora.redial_films import add_metadata
from envs.dialogue import Answer, Feedback, FilmMention, Message, Role
from envs.errors import DataError
from tests.envs.redial_files import (
    RECOMMENDER,
    SEEKER,
    TABLE,
    answers,
    hub_row,
    lines,
    reconstructed,
    record,
    write_folder,
    write_zip,
)


def read(folder: Path) -> Redial:
    return read_redial(str(folder), folder.parent / "cache")


def test_an_official_record_becomes_a_dialogue(tmp_path: Path):
    form = {"1": answers(0, 1, 1), "2": answers(1, 0, 2)}
    redial = read(write_folder(tmp_path / "r", train=[record("391", initiatorQuestions=form)]))
    (dialogue,) = redial.train
    assert dialogue.conversation_id == 391
    assert (dialogue.index, dialogue.provenance) == (0, "raw")
    assert dialogue.messages[1] == Message(Role.RECOMMENDER, "Try @2")
    assert dialogue.titles == {1: "Alien (1979)", 2: "The Conjuring (2013)"}
    assert dialogue.mentions == (FilmMention(1, 0, Role.SEEKER), FilmMention(2, 1, Role.RECOMMENDER))
    assert dialogue.seeker_form == {
        1: Feedback(False, Answer.YES, Answer.YES),
        2: Feedback(True, Answer.NO, Answer.UNSAID),
    }
    assert redial.repairs == {}


def test_a_reconstructed_record_becomes_a_dialogue(tmp_path: Path):
    redial = read(write_folder(tmp_path / "r", train=[reconstructed()]))
    (dialogue,) = redial.train
    assert dialogue.conversation_id is None
    assert dialogue.provenance == "reconstructed"
    assert [message.role for message in dialogue.messages] == [Role.SEEKER, Role.RECOMMENDER]
    assert dialogue.seeker_form == {1: Feedback(False, None, None), 2: Feedback(True, None, Answer.UNSAID)}
    assert dialogue.recommender_form == {}
    assert redial.repairs == {"unknown_conversation_id": 1, "unknown_answer": 3}


def test_the_catalogue_is_the_official_table(tmp_path: Path):
    catalog = read(write_folder(tmp_path / "r")).catalog
    assert catalog.title(3) == "Heat (1995)"
    assert catalog.title(5) == "Good, the Bad and the Ugly, The (1966)"
    assert (catalog[1].mentions, catalog[4].year) == (30, None)


@pytest.mark.parametrize(
    ("changes", "repairs"),
    [
        ({"movieMentions": [], "initiatorQuestions": [], "respondentQuestions": []}, {"empty_list_as_mentions": 1}),
        ({"initiatorQuestions": [], "respondentQuestions": []}, {"empty_list_as_questionnaire": 2}),
        ({"initiatorQuestions": {}, "respondentQuestions": {}}, {}),
        ({"movieMentions": {"1": "Alien", "2": "T", "50": None}}, {"film_without_title": 1}),
        ({"movieMentions": {"1": None, "2": "T"}}, {"film_without_title": 1}),
        (
            {"movieMentions": {"1": "Alien"}, "initiatorQuestions": {}, "respondentQuestions": {}},
            {"undeclared_mention": 1},
        ),
        ({"conversationId": None}, {"unknown_conversation_id": 1}),
        ({"initiatorQuestions": {"1": answers(None, None, 0)}}, {"unknown_answer": 2}),
    ],
)
def test_known_faults_are_repaired_and_counted(tmp_path: Path, changes: dict[str, Any], repairs: dict[str, int]):
    redial = read(write_folder(tmp_path / "r", train=[record(**changes)]))
    assert repairs.items() <= redial.repairs.items()
    assert len(redial.train) == 1


def test_a_declared_film_without_a_title_takes_the_catalogues_or_is_left_out(tmp_path: Path):
    changed = record(movieMentions={"1": None, "2": "The Conjuring (2013)", "50": None})
    (dialogue,) = read(write_folder(tmp_path / "r", train=[changed])).train
    assert dialogue.titles == {1: "Alien (1979)", 2: "The Conjuring (2013)"}


def test_an_empty_message_is_kept_and_counted(tmp_path: Path):
    texts = ((SEEKER, "Hi"), (RECOMMENDER, " "), (SEEKER, "@1"))
    redial = read(write_folder(tmp_path / "r", train=[record(texts=texts)]))
    assert len(redial.train[0].messages) == 3
    assert redial.repairs == {"empty_message": 1}


def test_a_film_that_no_one_names_is_left_out_of_texts_and_answers_too(tmp_path: Path):
    changed = record(texts=((SEEKER, "Like @50?"), (RECOMMENDER, "@2")), movieMentions={"2": "T", "50": None})
    changed["initiatorQuestions"] = changed["respondentQuestions"] = {"50": answers(), "2": answers()}
    (dialogue,) = read(write_folder(tmp_path / "r", train=[changed])).train
    assert [message.text for message in dialogue.messages] == ["Like ?", "@2"]
    assert list(dialogue.seeker_form) == list(dialogue.titles) == [2]


def test_texts_and_titles_are_read_as_people_wrote_them(tmp_path: Path):
    texts = ((SEEKER, "Is it &quot;scary&quot; &amp; old? &amp;lt;"), (RECOMMENDER, "@2&gt; Ame\u0301lie"))
    table = TABLE + "9,Tom &amp; Jerry (1992),3\n"
    redial = read(write_folder(tmp_path / "r", train=[record(texts=texts)], table=table))
    assert [message.text for message in redial.train[0].messages] == ['Is it "scary" & old? &lt;', "@2> Amélie"]
    assert redial.catalog.title(9) == "Tom & Jerry (1992)"
    assert redial.catalog.find("I loved Tom & Jerry") == [9]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_with_a_byte_order_mark_are_read(tmp_path: Path, encoding: str):
    folder = write_folder(tmp_path / "r")
    plain = read(folder)
    for file in folder.iterdir():
        file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))
    assert (read(folder).train, list(read(folder).catalog)) == (plain.train, list(plain.catalog))


def test_a_zip_with_the_backslashes_of_windows_is_read(tmp_path: Path):
    archive = write_zip(tmp_path / "r.zip", write_folder(tmp_path / "r"), prefix="redial_dataset\\")
    assert len(read(archive).train) == 12


def test_a_members_name_is_printed_safely(tmp_path: Path):
    archive = tmp_path / "r.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("a\x1b[31m/other.txt", "")
    with pytest.raises(DataError, match=r"it holds a\\x1b\[31m/other\.txt"):
        read(archive)


def message(**changes: Any) -> dict[str, Any]:
    return {"messages": [{"text": "Hi", "senderWorkerId": SEEKER} | changes]}


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"initiatorWorkerId": None}, "initiatorWorkerId", "speaker's id is missing"),
    ({"respondentWorkerId": [1]}, "respondentWorkerId", "must be a number or a string, not a list"),
    ({"respondentWorkerId": SEEKER}, "respondentWorkerId", "both speakers have the id 956"),
    (message(senderWorkerId=3), "messages[0].senderWorkerId", "3 is neither of the two speakers"),
    (message(senderWorkerId=None), "messages[0].senderWorkerId", "speaker's id is missing"),
    (message(text=None), "messages[0].text", "must be a string, not null"),
    (message(text="See @" + "1" * 5_000), "messages[0].text", "names film @11111111111111111111, which neither"),
    (message(text="\ud83d"), "messages[0].text", "half of a surrogate pair"),
    (message(text="a\0b"), "messages[0].text", "a NUL character"),
    ({"other": [float("nan")]}, "other[0]", "NaN is no number"),
    ({"conversationId": 2**63}, "conversationId", "must be a number or null, not 9223372036854775808"),
    ({"movieMentions": {str(2**64): "X (2000)"}}, f"movieMentions.{2**64}", "a film id must be a number"),
    (message(text=7), "messages[0].text", "must be a string, not a whole number"),
    (message(text="See @77"), "messages[0].text", "names film @77, which neither"),
    ({"messages": {}}, "messages", "must be a list, not an object"),
    ({"messages": []}, "messages", "at least one message"),
    ({"messages": ["Hi"]}, "messages[0]", "must be an object, not a string"),
    ({"movieMentions": [1]}, "movieMentions", "must be an object, not a list"),
    ({"movieMentions": None}, "movieMentions", "must be an object, not null"),
    ({"movieMentions": {"x": "X"}}, "movieMentions.x", "a film id must be a number"),
    ({"movieMentions": {"1": 5}}, "movieMentions.1", "a title must be a string"),
    ({"movieMentions": {"77": "New (2020)"}}, "movieMentions.77", "film 77 (New (2020)) is not in the catalogue"),
    ({"initiatorQuestions": [{}]}, "initiatorQuestions", "must be an object, not a list"),
    ({"initiatorQuestions": {"3": answers()}}, "initiatorQuestions.3", "movieMentions does not declare"),
    ({"initiatorQuestions": {"1": 1}}, "initiatorQuestions.1", "answers must be an object"),
    ({"respondentQuestions": {"1": {"seen": 1}}}, "respondentQuestions.1.suggested", "is missing"),
    ({"respondentQuestions": {"1": answers(2)}}, "respondentQuestions.1.suggested", "must be 0, 1 or null, not 2"),
    ({"respondentQuestions": {"1": answers(1, 5)}}, "respondentQuestions.1.seen", "must be 0, 1, 2 or null, not 5"),
    ({"conversationId": "x1"}, "conversationId", "must be a number or null, not 'x1'"),
    ({"movieMentions": {"1": "A (2000)", "01": "A (2000)"}}, "movieMentions.01", "film 1 stands there twice"),
    ({"initiatorQuestions": {"1": answers(), "01": answers()}}, "initiatorQuestions.01", "film 1 stands there twice"),
    ({"provenance": 4}, "provenance", "must be a string"),
]


@pytest.mark.parametrize(("changes", "field", "what"), BROKEN, ids=[f"{case[1]}-{i}" for i, case in enumerate(BROKEN)])
def test_a_broken_field_is_named_with_file_and_line(tmp_path: Path, changes: dict[str, Any], field: str, what: str):
    folder = write_folder(tmp_path / "r", train=[record(), record() | changes])
    with pytest.raises(DataError) as caught:
        read(folder)
    error = caught.value
    assert (error.file, error.line, error.field) == (str(folder / "train_data.jsonl"), 2, field)
    assert what in error.what
    assert error.remedy
    assert f"line 2, field {field}" in str(error)


@pytest.mark.parametrize("name", sorted(set(record()) - {"provenance"}))
def test_a_missing_field_is_named(tmp_path: Path, name: str):
    changed = record()
    del changed[name]
    with pytest.raises(DataError) as caught:
        read(write_folder(tmp_path / "r", test=[changed]))
    assert (caught.value.line, caught.value.field) == (1, name)


@pytest.mark.parametrize("line", ['{"messages": [', "[]", "7", "not json", '{"a": 1} {"b": 2}'])
def test_a_broken_line_is_named(tmp_path: Path, line: str):
    with pytest.raises(DataError) as caught:
        read(write_folder(tmp_path / "r", train=[record(), record(), line]))
    assert caught.value.line == 3
    assert "train_data.jsonl, line 3" in str(caught.value)


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    (folder / "test_data.jsonl").write_bytes(lines([record()]).encode() + b'{"text": "\xff"}\n')
    with pytest.raises(DataError, match=r"test_data\.jsonl, line 2"):
        read(folder)


def test_only_a_line_feed_ends_a_line_and_blank_lines_are_passed_over(tmp_path: Path):
    texts = ((SEEKER, "one\u2028two\rthree"), (RECOMMENDER, "@1"))
    raw = json.dumps(record(texts=texts), ensure_ascii=False)
    (dialogue,) = read(write_folder(tmp_path / "r", train=[raw, ""])).train
    assert dialogue.messages[0].text == "one\u2028two\rthree"


def test_a_file_without_dialogues_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="holds no dialogue"):
        read(write_folder(tmp_path / "r", test=[]))


@pytest.mark.parametrize(
    ("table", "line", "what"),
    [
        (TABLE.replace("movieName", "title"), 1, "the header must be movieId,movieName,nbMentions"),
        ("", 1, "the header must be"),
        (TABLE + "x,Name,3\n", 7, "must be a number, not 'x'"),
        (TABLE + "9,Name,many\n", 7, "must be a number, not 'many'"),
        (TABLE + "9,,3\n", 7, "must not be empty"),
        (TABLE + "9,\\N,3\n", 7, "must be a name, not"),
        (TABLE + f"{2**63},Name,3\n", 7, "must be a number up to 9223372036854775807"),
        (TABLE + "9,Name," + "1" * 5_000 + "\n", 7, "must be a number up to"),
        (TABLE + "\u00b2,Name,3\n", 7, "must be a number"),
        (TABLE + "9,Good, Bad,3\n", 7, "must have 3 columns, not 4"),
        (TABLE + "1,Again (2000),3\n", 7, "film 1 stands there twice"),
        (TABLE + '9,"open,3\n', 7, "not a CSV table"),
    ],
)
def test_a_broken_film_table_is_named(tmp_path: Path, table: str, line: int, what: str):
    with pytest.raises(DataError) as caught:
        read(write_folder(tmp_path / "r", table=table))
    assert str(caught.value.file).endswith("movies_with_mentions.csv")
    assert caught.value.line == line
    assert what in caught.value.what


@pytest.mark.parametrize("prefix", ["", "redial_dataset/"])
def test_a_zip_reads_as_its_folder_does_and_is_not_unpacked(tmp_path: Path, prefix: str):
    folder = write_folder(tmp_path / "r")
    archive = write_zip(tmp_path / "redial.zip", folder, prefix)
    before = sorted(tmp_path.rglob("*"))
    zipped, unpacked = read(archive), read(folder)
    assert zipped.train == unpacked.train
    assert zipped.test == unpacked.test
    assert list(zipped.catalog) == list(unpacked.catalog)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_error_inside_a_zip_names_archive_and_member(tmp_path: Path):
    archive = write_zip(tmp_path / "redial.zip", write_folder(tmp_path / "r", train=[record(messages=[])]))
    with pytest.raises(DataError, match=r"redial\.zip:train_data\.jsonl, line 1, field messages"):
        read(archive)


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_a_zip_with_a_member_that_leads_out_is_refused(tmp_path: Path, name: str):
    archive = write_zip(tmp_path / "redial.zip", write_folder(tmp_path / "r"))
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(name, "x")
    with pytest.raises(DataError, match="leads out of the archive"):
        read(archive)


def test_a_zip_without_the_files_or_broken_is_refused(tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    (folder / "test_data.jsonl").unlink()
    with pytest.raises(DataError, match=r"must hold test_data\.jsonl once"):
        read(write_zip(tmp_path / "part.zip", folder))
    whole = write_zip(tmp_path / "whole.zip", write_folder(tmp_path / "r2"))
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:200])
    with pytest.raises(DataError, match="not a whole zip file"):
        read(tmp_path / "cut.zip")


@pytest.mark.parametrize(
    ("found", "put", "what"),
    [
        (b"\x14\x00\x00\x00", b"\xff\x00\x00\x00", "version"),
        (b"movies_with", b"m\xffvies_with", "codec can't decode"),
    ],
)
def test_a_zip_of_a_later_version_or_with_a_name_that_is_no_text_is_refused(
    tmp_path: Path, found: bytes, put: bytes, what: str
):
    archive = write_zip(tmp_path / "redial.zip", write_folder(tmp_path / "r"))
    content = bytearray(archive.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    while not content.startswith(b"movies_with", entry + 46):
        entry = content.rindex(b"PK\x01\x02", 0, entry)
    content[entry + 9] |= 8  # the name is UTF-8
    end = len(content)
    content[entry:end] = bytes(content[entry:end]).replace(found, put, 1)
    archive.write_bytes(content)
    with pytest.raises(DataError, match=rf"redial\.zip: not a whole zip file \(.*{what}"):
        read(archive)


def test_a_broken_member_of_bz2_is_named_with_the_reason(tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    with zipfile.ZipFile(tmp_path / "redial.zip", "w", zipfile.ZIP_BZIP2) as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    content = (tmp_path / "redial.zip").read_bytes()
    (tmp_path / "redial.zip").write_bytes(content.replace(b"BZh91AY", b"BZh91AX"))
    with pytest.raises(DataError, match=r"redial\.zip:.*cannot be unpacked \(Invalid data stream\)"):
        read(tmp_path / "redial.zip")


@pytest.mark.parametrize("entries", ['{"1": {}, "01": {}}', '{"01": {"genre": "x"}}'])
def test_metadata_of_a_film_under_another_spelling_of_its_id_is_read(tmp_path: Path, entries: str):
    (tmp_path / "id2info.json").write_text(entries)
    with pytest.raises(DataError, match=r"id2info\.json, field 0?1"):
        add_metadata(read(write_folder(tmp_path / "r")).catalog, tmp_path)


def test_a_missing_file_or_source_is_named(tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    (folder / "movies_with_mentions.csv").unlink()
    with pytest.raises(DataError, match=r"movies_with_mentions\.csv: the file is missing"):
        read(folder)
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "nowhere.zip")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``datasets`` build its tables in the test's folder."""
    from datasets import config

    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "hf")


@pytest.mark.usefixtures("hub_cache")
def test_the_hubs_form_gives_the_same_dialogues(tmp_path: Path):
    train = [record("1"), record("2", films=(3, 4), texts=((SEEKER, "@3"), (RECOMMENDER, "@4"))), record("3")]
    test = [record("9", initiatorQuestions={}, respondentQuestions={})]
    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "train.jsonl").write_text(lines([hub_row(row) for row in train]))
    (hub / "test.jsonl").write_text(lines([hub_row(row) for row in test]))
    from_hub = read_redial(f"hf:{hub}", tmp_path / "cache")
    from_files = read(write_folder(tmp_path / "r", train=train, test=test))
    assert from_hub.train == from_files.train
    assert from_hub.test == from_files.test
    assert from_hub.catalog.ids == (1, 2, 3, 4)
    assert from_hub.catalog.title(3) == "Heat (1995)"
    assert from_hub.catalog[1].mentions == 3


@pytest.mark.usefixtures("hub_cache")
def test_a_hub_source_names_split_and_row_of_a_fault(tmp_path: Path):
    hub = tmp_path / "hub"
    hub.mkdir()
    bad = hub_row(record("2", texts=((SEEKER, "Hi @88"), (RECOMMENDER, "Hello"))))
    (hub / "train.jsonl").write_text(lines([hub_row(record("1")), bad]))
    with pytest.raises(DataError, match="no split 'test', only train"):
        read_redial(f"hf:{hub}", tmp_path / "cache")
    (hub / "test.jsonl").write_text(lines([hub_row(record("9"))]))
    with pytest.raises(DataError, match=r"\[train\], line 2, field messages\[0\]\.text: names film @88"):
        read_redial(f"hf:{hub}", tmp_path / "cache")


def test_reading_files_imports_neither_datasets_nor_torch_nor_ray(tmp_path: Path):
    folder = write_folder(tmp_path / "r")
    code = (
        "import sys; from pathlib import Path; from envs.corpora.redial import read_redial; "
        f"read_redial({str(folder)!r}, Path('.')); "
        "print([name for name in ('datasets', 'torch', 'ray', 'transformers') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
