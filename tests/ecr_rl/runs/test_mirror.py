"""A run folder's copy at an address: what is sent, what comes back, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ecr_rl.config import load_config
from ecr_rl.runs import mirror as mirror_module
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.mirror import LISTING, Mirror
from envs.errors import ConfigError, RunError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_what_changed_is_sent_and_only_what_was_sent_is_removed(tmp_path: Path) -> None:
    folder, place = tmp_path / "run", tmp_path / "bucket" / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("1\n")
    (folder / "checkpoints" / "one").write_text("a")
    place.mkdir(parents=True)
    (place / "another's").write_text("keep me")
    mirror = Mirror(f"file://{place}")
    assert mirror.push(folder) == 2
    assert mirror.push(folder) == 0
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write("2\n")
    (folder / "checkpoints" / "one").unlink()
    (folder / "checkpoints" / "two").write_text("b")
    again = Mirror(f"file://{place}")
    assert again.push(folder) == 2, "another process knows what was sent"
    found = contents(place)
    assert found.pop(LISTING)
    assert found == {"another's": b"keep me", "metrics.jsonl": b"1\n2\n", "checkpoints/two": b"b"}
    again.pull(tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    with pytest.raises(RunError, match="exists"):
        again.pull(tmp_path / "back")


def test_a_file_that_goes_while_others_are_sent_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, place = tmp_path / "run", tmp_path / "bucket"
    folder.mkdir()
    for name in ("kept", "going"):
        (folder / name).write_text(name)
    mirror = Mirror(f"file://{place}")
    assert mirror.push(folder) == 2
    (folder / "going").unlink()
    (folder / "listed").symlink_to(folder / "going")  # gone before its size is asked for
    states = mirror_module._states
    monkeypatch.setattr(mirror_module, "_states", lambda folder: states(folder) | {"going": [1, 1], "new": [1, 1]})
    assert mirror.push(folder) == 0
    assert json.loads((place / LISTING).read_text()).keys() == {"kept"}
    assert contents(place).keys() == {"kept", LISTING}
    shutil.rmtree(folder)
    with pytest.raises(RunError):
        mirror.push(folder)
    assert contents(place).keys() == {"kept", LISTING}


def test_a_run_goes_on_from_its_mirror_where_its_folder_is_gone(tmp_path: Path) -> None:
    config = load_config("demo", [f"mirror=file://{tmp_path}/bucket/run"])
    with RunFolder.create(tmp_path / "run", config) as run:
        with run.stage("ppo", 2) as stage:
            stage.update(1, 2, {"reward": 1.0})
        run.finish("ppo", {"a": 1}, {"reward": 1.0})
    shutil.rmtree(tmp_path / "run")
    with RunFolder.create(tmp_path / "run", config, resume=True) as run:
        assert run.finished("ppo", {"a": 1}) == {"reward": 1.0}
        assert [line["reward"] for line in run.metrics("ppo")] == [1.0]
        assert len(json.loads((run.path / "run.json").read_text())["resumed"]) == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://key:secret@bucket/run", "password by the environment"),
        ("runs/demo", "write it as an address"),
        ("nowhere://bucket", "nowhere://bucket"),
    ],
)
def test_an_address_that_cannot_be_is_refused(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        Mirror(address)
    assert "secret@" not in str(refused.value)


def test_a_copy_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "bucket"
    place.mkdir()
    with pytest.raises(RunError, match="no run folder was sent there"):
        Mirror(f"file://{place}").pull(tmp_path / "back")
    (place / LISTING).write_text(json.dumps({"../../etc/passwd": [1, 2]}))
    with pytest.raises(RunError, match="leads out of its folder"):
        Mirror(f"file://{place}").pull(tmp_path / "back")
    assert not (tmp_path / "back").exists()
