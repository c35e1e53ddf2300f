"""Readers of GoEmotions and IARD."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.corpora.goemotions import LABELS, read_goemotions
from envs.corpora.iard import read_iard
from envs.dialogue import Role
from envs.errors import DataError

NAMES = ["joy", "love", *(label for label in LABELS if label not in ("joy", "love"))]


def goemotions(folder: Path, line: str = "nice\t0,1\tid1") -> Path:
    (folder / "labels.txt").write_text("\n".join(NAMES))
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text(f"{line}\nok\t1\tid2\n")
    return folder


def test_goemotions_gives_texts_and_labels(tmp_path: Path) -> None:
    data = read_goemotions(goemotions(tmp_path))
    assert data.labels == tuple(NAMES)
    assert data.train == (("nice", frozenset({"joy", "love"})), ("ok", frozenset({"love"})))


@pytest.mark.parametrize("line", ["nice", "nice\t28\tid", "nice\tjoy\tid", "nice\t\u00b2\tid", "nice\t" + "1" * 5_000])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"train\.tsv.*1.*labels"):
        read_goemotions(goemotions(tmp_path, line))


def test_goemotions_is_read_from_googles_folder_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    expected = read_goemotions(goemotions(tmp_path / "one"))
    labels = (tmp_path / "one" / "labels.txt").rename(tmp_path / "one" / "emotions.txt")
    assert read_goemotions(tmp_path / "one") == expected
    labels.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(NAMES).encode())
    assert read_goemotions(tmp_path / "one") == expected


def test_texts_of_goemotions_are_unescaped(tmp_path: Path) -> None:
    assert read_goemotions(goemotions(tmp_path, "a &amp; b\t0\tid")).train[0][0] == "a & b"


EKMAN = ["anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"labels.txt": "\n".join(EKMAN)}, r"the 7 labels of a grouped version, not the 28"),
        ({"labels.txt": "positive\nnegative\nneutral\nambiguous"}, "the 4 labels of a grouped version"),
        ({"labels.txt": "joy\nhappy"}, "'happy' is no label"),
        ({"labels.txt": "joy\nlove", "emotions.txt": "love\njoy"}, r"emotions\.txt and labels\.txt differ"),
        ({"goemotions_1.csv": ""}, "the dump of all raters"),
        ({"data/labels.txt": ""}, "one folder below. Give .*data"),
        ({"train.tsv": ""}, r"neither emotions\.txt \(Google's\) nor labels\.txt"),
        ({"labels.txt": "\n".join(NAMES)}, r"train\.tsv: the file cannot be read"),
        ({"labels.txt": "\n".join(NAMES[:27])}, r"labels\.txt: not the 28 labels of GoEmotions, each once"),
        ({"labels.txt": "\n".join([*NAMES, "joy"])}, r"labels\.txt: not the 28 labels of GoEmotions, each once"),
        ({"labels.txt": "\n".join(NAMES), "train.tsv": "\n"}, r"train\.tsv: the file holds no comment"),
    ],
)
def test_another_folder_of_goemotions_is_told_by_what_it_holds(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_goemotions(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="hub to download"):
        read_goemotions(tmp_path / "nothing")


def test_iard_gives_turns_without_titles(tmp_path: Path) -> None:
    entry = {
        "utterance_pos": 2,
        "role": "recommender",
        "utterance_text": "How about @187028 <It  (2017)>  ?",
        "sub-intent/action": ["REC-E"],
    }
    file = tmp_path / "iard.json"
    file.write_text(json.dumps({"77": {"accepted_recommendation": [2], "dialogue_info": {"R2": entry}}}))
    (turn,) = read_iard(file)
    assert (turn.dialogue, turn.role, turn.text, turn.accepted) == (77, Role.RECOMMENDER, "How about ?", True)
    assert turn.codes == {"REC-E"}
    file.write_text(json.dumps({"77": {"dialogue_info": {}}}))
    with pytest.raises(DataError, match="77"):
        read_iard(file)
    file.write_text("[]")
    with pytest.raises(DataError, match="must be an object of dialogues"):
        read_iard(file)
