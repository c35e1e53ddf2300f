"""Readers of GoEmotions and IARD."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from envs.corpora.goemotions import read_goemotions
from envs.corpora.iard import read_iard
from envs.dialogue import Role
from envs.errors import DataError


def goemotions(folder: Path, line: str = "nice\t0,1\tid1") -> Path:
    (folder / "labels.txt").write_text("joy\nlove\n")
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text(f"{line}\nok\t1\tid2\n")
    return folder


def test_goemotions_gives_texts_and_labels(tmp_path: Path) -> None:
    data = read_goemotions(goemotions(tmp_path))
    assert data.labels == ("joy", "love")
    assert data.train == (("nice", frozenset({"joy", "love"})), ("ok", frozenset({"love"})))


@pytest.mark.parametrize("line", ["nice", "nice\t7\tid", "nice\tjoy\tid"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"train\.tsv.*1.*labels"):
        read_goemotions(goemotions(tmp_path, line))


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
