"""Parcels: what is missing on a machine is laid out as it was; what is there stays."""

from __future__ import annotations

import shutil
from pathlib import Path

from algorithms.ppo.shipped_files import deliver, pack


def test_missing_files_and_folders_are_laid_out_and_others_left_alone(ray_session: object, tmp_path: Path) -> None:
    folder, file = tmp_path / "critic", tmp_path / "corpus.zip"
    (folder / "encoder").mkdir(parents=True)
    (folder / "encoder" / "config.json").write_text("{}")
    (folder / "weights.safetensors").write_bytes(bytes(range(256)))
    file.write_bytes(b"PK")
    shipped_files = pack([folder, file])
    deliver(shipped_files)
    shutil.rmtree(folder)
    file.write_bytes(b"another")
    deliver(shipped_files)
    assert (folder / "encoder" / "config.json").read_text() == "{}"
    assert (folder / "weights.safetensors").read_bytes() == bytes(range(256))
    assert file.read_bytes() == b"another", "a path that is there is taken as it is"
    file.unlink()
    deliver(shipped_files)
    assert file.read_bytes() == b"PK"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.zip", "critic"]
