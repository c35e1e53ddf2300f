from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ecr_rl.config import RunConfig, changed, load_config
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.metrics import TensorBoardPage, read_metrics
from ecr_rl.runs.status import headline, read_status
from envs.errors import ConfigError, RunError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def config() -> RunConfig:
    return load_config("demo")


def _write(run: RunFolder, stage: str, first: int, last: int, total: int) -> None:
    with run.stage(stage, total) as progress:
        for step in range(first, last + 1):
            progress.update(step, total, {"reward": step / 10})


def test_a_new_folder_says_what_it_is(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config):
        pass
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert load_config(tmp_path / "run" / "config.yaml") == config
    assert facts["seed"] == config.seed
    assert facts["packages"]["numpy"]
    assert {"git", "python", "time", "command"} <= facts.keys()


def test_parts_from_outside_are_noted_and_looked_for_first(
    tmp_path: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "noted_seeker.py").write_text("class Shy: ...\n")
    with pytest.raises(ConfigError, match="module noted_seeker has no Bold"):
        RunFolder.create(tmp_path / "run", changed(config, {"env.seeker": "noted_seeker:Bold"}))
    assert not (tmp_path / "run").exists()
    with RunFolder.create(tmp_path / "run", changed(config, {"env.seeker": "noted_seeker:Shy"})):
        pass
    (noted,) = json.loads((tmp_path / "run" / "run.json").read_text())["own_parts"]
    assert (noted["setting"], noted["name"]) == ("env.seeker", "noted_seeker:Shy")
    assert len(noted["code"]) == 12


def test_an_existing_folder_is_refused_without_resume(tmp_path: Path, config: RunConfig) -> None:
    RunFolder.create(tmp_path / "run", config).close()
    with pytest.raises(RunError, match="--resume"):
        RunFolder.create(tmp_path / "run", config)


def test_a_folder_of_something_else_is_never_taken(tmp_path: Path, config: RunConfig) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="something else"):
        RunFolder.create(tmp_path, config, resume=True)


def test_resume_makes_what_is_not_there(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config, resume=True):
        pass
    assert (tmp_path / "run" / "config.yaml").is_file()


def test_resume_may_change_the_length_and_nothing_that_decides(tmp_path: Path, config: RunConfig) -> None:
    RunFolder.create(tmp_path / "run", config).close()
    longer = load_config("demo", ["ppo.iterations=800", "resources.env_runners=2"])
    RunFolder.create(tmp_path / "run", longer, resume=True).close()
    assert RunFolder.open(tmp_path / "run").config.ppo.iterations == 800
    with pytest.raises(RunError, match=r"ppo.learning_rate: .* -> 0.5"):
        RunFolder.create(tmp_path / "run", load_config("demo", ["ppo.learning_rate=0.5"]), resume=True)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert len(facts["resumed"]) == 1


def test_opening_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run there"):
        RunFolder.open(tmp_path)


def test_metrics_are_lines_and_scalars(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config) as run:
        _write(run, "ppo", 1, 3, 3)
        with run.stage("critic", 2) as stage:
            stage.update(1, 2, {})
            stage.update(2, 2, {"loss": float("nan"), "r2": 0.5})
    lines = run.metrics()
    assert [(line["stage"], line["step"]) for line in lines] == [("ppo", 1), ("ppo", 2), ("ppo", 3), ("critic", 2)]
    assert lines[-1]["loss"] is None
    assert run.metrics("ppo")[0]["reward"] == 0.1
    assert _scalars(tmp_path / "run" / "tensorboard" / "ppo", "ppo/reward") == [1, 2, 3]


def test_a_metric_may_not_hide_a_field(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config) as run, run.stage("ppo", 1) as stage, pytest.raises(ValueError):
        stage.update(1, 1, {"step": 3.0})


def test_a_torn_line_is_dropped_on_resume(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config) as run:
        _write(run, "ppo", 1, 2, 4)
    file = tmp_path / "run" / "metrics.jsonl"
    with file.open("a") as stream:
        stream.write('{"time": 1, "stage": "ppo", "st')
    assert [line["step"] for line in read_metrics(tmp_path / "run")] == [1, 2]
    with RunFolder.create(tmp_path / "run", config, resume=True) as run:
        _write(run, "ppo", 3, 4, 4)
    assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4]


def test_a_broken_line_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\nnot json\n{"step": 2}\n')
    with pytest.raises(RunError, match=r"metrics.jsonl, line 2"):
        read_metrics(tmp_path)


def test_a_page_of_texts_and_histograms_stands_in_tensorboard(tmp_path: Path, config: RunConfig) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with RunFolder.create(tmp_path / "run", config) as run:
        run.show("ppo", 5, TensorBoardPage({"conversation_0": "seeker: hi"}, {"head_empathy": [0.1, 0.2, 0.9]}))
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard" / "ppo"))
    events.Reload()
    (text,) = events.Tensors("ppo/conversation_0/text_summary")
    assert (text.step, text.tensor_proto.string_val[0].decode()) == (5, "seeker: hi")
    (spread,) = events.Histograms("ppo/head_empathy")
    assert spread.histogram_value.num == 3


def test_rewind_leaves_no_doubles(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config) as run:
        _write(run, "critic", 1, 5, 5)
        _write(run, "ppo", 1, 5, 8)
    with RunFolder.create(tmp_path / "run", config, resume=True) as run:
        run.rewind("ppo", 3)
        _write(run, "ppo", 4, 8, 8)
    assert [line["step"] for line in run.metrics("ppo")] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [line["step"] for line in run.metrics("critic")] == [1, 2, 3, 4, 5]
    assert _scalars(tmp_path / "run" / "tensorboard" / "ppo", "ppo/reward") == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_finished_stage_stays_finished_under_its_settings(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config) as run:
        assert run.finished("ppo", {"a": 1, "b": 2}) is None
        run.finish("ppo", {"a": 1, "b": 2}, {"reward": 3})
        assert run.finished("ppo", {"b": 2, "a": 1}) == {"reward": 3}
        assert run.finished("ppo", {"a": 2}) is None
        run.forget("ppo", "evaluation")
        assert run.finished("ppo", {"a": 1, "b": 2}) is None


def test_status_follows_the_run(tmp_path: Path, config: RunConfig) -> None:
    with RunFolder.create(tmp_path / "run", config) as run:
        run.record_workers([{"kind": "env_runner", "index": 1, "healthy": True}])
        with run.stage("ppo", 4) as stage:
            stage.update(1, 4, {"reward": 0.5})
    status = read_status(tmp_path / "run")
    assert (status.state, status.stage, status.done, status.total) == ("finished", "ppo", 1, 4)
    assert status.metrics == {"reward": 0.5}
    assert status.workers[0]["kind"] == "env_runner"
    assert status.stages[0]["state"] == "done"


def test_a_failed_run_says_why(tmp_path: Path, config: RunConfig) -> None:
    with pytest.raises(RunError), RunFolder.create(tmp_path / "run", config) as run, run.stage("ppo", 4):
        raise RunError("the batch is not finite")
    status = read_status(tmp_path / "run")
    assert status.state == "failed"
    assert status.stages[0]["state"] == "failed"
    assert "the batch is not finite" in headline(status)
    assert "--resume" in headline(status)


CHILD = """
    import sys, time
    from ecr_rl.config import load_config
    from ecr_rl.runs.folder import RunFolder
    run = RunFolder.create(sys.argv[1], load_config("demo"))
    with run.stage("ppo", 1000) as stage:
        for step in range(1, 4):
            stage.update(step, 1000, {"reward": 0.5})
        time.sleep(0.6)
        stage.update(4, 1000, {"reward": 0.5})
        print("ready", flush=True)
        time.sleep(60)
"""


def test_a_killed_run_keeps_its_metrics_and_its_folder_is_free(tmp_path: Path, config: RunConfig) -> None:
    folder = tmp_path / "run"
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "ready"
    status = read_status(folder)
    assert (status.state, status.done, status.total) == ("running", 4, 1000)
    assert status.eta_seconds is not None and status.eta_seconds > 1
    with pytest.raises(RunError, match="another process is working"):
        RunFolder.create(folder, config, resume=True)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    status = read_status(folder)
    assert status.state == "stopped"
    assert status.stages[0]["state"] == "stopped"
    with RunFolder.create(folder, config, resume=True) as run:
        assert [line["step"] for line in run.metrics("ppo")] == [1, 2, 3, 4]


def _scalars(folder: Path, tag: str) -> list[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [event.step for event in events.Scalars(tag)]
