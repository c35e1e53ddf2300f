"""A run goes on with the parts that it began with, and says so where it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_rl.runs.parts import PINS, RunParts
from envs.errors import RunError

KEY, LATER = {"code": "1"}, {"code": "2"}


def build(folder: Path) -> Mapping[str, float]:
    (folder / "weights").write_text("1 2 3")
    (folder / "inner").mkdir()
    (folder / "inner" / "table").write_text("4")
    return {"r2": 0.5}


def never(folder: Path) -> Mapping[str, float]:
    pytest.fail("built again")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def critic(run: Path, cache: Path) -> Path:
    """The folder of a critic that the run has pinned."""
    return RunParts(run, cache).build("critic", KEY, build)


def elsewhere(run: Path) -> None:
    """Let the pins say that another machine made them."""
    pins = json.loads((run / PINS).read_text())
    for pin in pins.values():
        pin["host"] = "another"
    (run / PINS).write_text(json.dumps(pins))


def test_a_run_begins_without_parts_and_keeps_what_it_takes(run: Path, cache: Path) -> None:
    parts = RunParts(run, cache)
    assert parts.folder("critic") is None
    folder = parts.build("critic", KEY, build)
    assert parts.folder("critic") == RunParts(run, cache).folder("critic") == folder
    assert json.loads((run / PINS).read_text())["critic"]["figures"] == {"r2": 0.5}


def test_a_pinned_part_stays_whatever_is_made_by_then(run: Path, cache: Path, critic: Path) -> None:
    newer = RunParts(run.parent, cache).build("critic", LATER, build)
    assert newer != critic == RunParts(run, cache).folder("critic")


def test_what_another_command_adds_later_does_not_count(run: Path, cache: Path, critic: Path) -> None:
    (critic / "evaluation").mkdir()
    (critic / "evaluation" / "index.html").write_text("so good")
    assert RunParts(run, cache).folder("critic") == critic


@pytest.mark.parametrize("change", ["weights", "inner/table", "another"])
def test_a_part_that_differs_is_refused(run: Path, cache: Path, critic: Path, change: str) -> None:
    (critic / change).write_text("5")
    with pytest.raises(RunError, match=rf"its critic in {critic} is not what the run began with.*Put back that folder"):
        RunParts(run, cache).folder("critic")


def test_a_part_that_is_gone_is_refused(run: Path, cache: Path, critic: Path) -> None:
    shutil.rmtree(critic)
    with pytest.raises(RunError, match=rf"its critic is gone, {critic} is not there. Put that folder back"):
        RunParts(run, cache).folder("critic")


def test_a_copy_is_the_same_part_and_may_lie_in_another_cache(run: Path, critic: Path, tmp_path: Path) -> None:
    (tmp_path / "moved").mkdir()
    moved = Path(shutil.move(critic, tmp_path / "moved"))
    (moved / "weights").touch()
    assert RunParts(run, tmp_path / "moved").folder("critic") == moved


def test_other_parts_are_not_asked_about(run: Path, cache: Path, critic: Path) -> None:
    labels = RunParts(run, cache).build("labels", KEY, build)
    shutil.rmtree(labels)
    assert RunParts(run, cache).folder("critic") == critic


def test_a_folder_that_the_settings_name_is_pinned_too(run: Path, cache: Path, tmp_path: Path) -> None:
    given = tmp_path / "people"
    given.mkdir()
    build(given)
    assert RunParts(run, cache).give("labels", given) == given
    (given / "weights").write_text("2")
    with pytest.raises(RunError, match=r"its labels in .*people is not what"):
        RunParts(run, cache).folder("labels")


def test_on_another_machine_the_same_part_is_made_again(run: Path, cache: Path, critic: Path, tmp_path: Path) -> None:
    elsewhere(run)
    shutil.rmtree(critic)
    parts = RunParts(run, tmp_path / "cache-there")
    assert parts.folder("critic") is None
    assert parts.build("critic", KEY, build).parent == tmp_path / "cache-there"


def test_on_another_machine_other_code_or_another_result_is_refused(run: Path, cache: Path, critic: Path) -> None:
    elsewhere(run)
    shutil.rmtree(critic)
    with pytest.raises(RunError, match=r"its critic is on another, in .* make another one .*Copy that folder"):
        RunParts(run, cache).build("critic", LATER, never)

    def otherwise(folder: Path) -> Mapping[str, float]:
        (folder / "weights").write_text("1 2 4")
        return {}

    with pytest.raises(RunError, match="it came out different"):
        RunParts(run, cache).build("critic", KEY, otherwise)


@pytest.mark.parametrize("text", ["{", "[]", '{"critic": {"folder": "x"}}'])
def test_a_damaged_list_is_refused(run: Path, cache: Path, text: str) -> None:
    (run / PINS).write_text(text)
    with pytest.raises(RunError, match="does not say which parts"):
        RunParts(run, cache)
