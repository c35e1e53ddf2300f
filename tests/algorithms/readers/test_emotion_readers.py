"""Readers of emotions that a part carries with it: made from a source, and found again in the part's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from algorithms.readers.emotion_readers import emotion_reader, load_reader, save_reader
from envs.corpora.goemotions import LABELS
from envs.emotions import NINE
from envs.errors import DataError, ModelError


def test_phrases_need_no_folder(tmp_path: Path) -> None:
    reader = emotion_reader("lexicon")
    assert reader.read(["thanks"]).nine[0, NINE.index("grateful")] > 0.5
    name = save_reader(reader, tmp_path)
    assert not list(tmp_path.iterdir())
    assert load_reader(tmp_path, name).name == "lexicon"


def test_a_fitted_reader_lives_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(sorted(LABELS, key=lambda label: label != "sadness")))
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.tsv").write_text("so sad\t0\tid\nok\t27\tid\n" * 20)
    reader = emotion_reader(str(tmp_path))
    name = save_reader(reader, tmp_path / "part")
    loaded = load_reader(tmp_path / "part", name)
    assert loaded.name == reader.name == "goemotions"
    np.testing.assert_array_equal(loaded.read(["so sad"]).nine, reader.read(["so sad"]).nine)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=str(tmp_path)):
        emotion_reader(str(tmp_path))
    with pytest.raises(ModelError):
        load_reader(tmp_path, "goemotions")
