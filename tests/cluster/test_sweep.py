"""Sweeps for real: with each sampler and scheduler, killed and resumed, as a job, and on nodes of which one is lost."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.heads import BIN, ROOT, Head, clean_environment, end_with_children, free_ports, ray_head

pytestmark = pytest.mark.slow
SMALLER = [
    "data.limit=60",
    "labels.count=300",
    "critic.steps=20",
    "critic.evaluate_every=10",
    "policy.layers=1",
    "policy.width=32",
    "policy.heads=2",
    "policy.vocabulary=500",
    "supervised.steps=10",
    "supervised.validation_rows=8",
    "evaluation.dialogues=6",
    "evaluation.resamples=50",
]


def words(out: Path, cache: Path, *more: str) -> list[str]:
    """The words of a smoke sweep that is smaller still."""
    changes = [word for change in (*SMALLER, f"cache={cache}", *more) for word in ("-s", change)]
    return ["sweep", "tune_configs/smoke.yaml", "--out", str(out), "--resume", *changes]


def start(arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ecr_rl", *arguments]
    with log.open("ab") as stream:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=stream, stderr=stream, start_new_session=True
        )


def results(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Of each trial of the search its results so far, by the trial's folder."""
    files = sorted((out / "search").glob("*/result.json"))
    return {file.parent.name: [json.loads(line) for line in file.read_text().splitlines() if line] for file in files}


def whole(out: Path, iterations: int = 3) -> set[str]:
    return {name for name, lines in results(out).items() if lines and lines[-1]["training_iteration"] >= iterations}


def wait_until(condition: Any, process: subprocess.Popen[bytes], log: Path, seconds: float = 420) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.1)


def searching(trials: int, file: Path, search: dict[str, Any] | None = None, **sections: dict[str, Any]) -> Path:
    """A smoke sweep of so many trials, one at a time, without final trainings; ``sections`` replace its own."""
    sweep = yaml.safe_load((ROOT / "tune_configs" / "smoke.yaml").read_text())
    sweep |= {"final": {"seeds": 0}, "search": {"trials": trials, "at_once": 1, **(search or {})}, **sections}
    file.write_text(yaml.safe_dump(sweep, sort_keys=False))
    return file


def swept(sweep: Path, cache: Path, tmp_path: Path, *changes: str) -> dict[str, Any]:
    """What a sweep found that ran to its end."""
    (tmp_path / "home").mkdir()
    arguments = words(tmp_path / "sweep", cache, *changes)
    arguments[1] = str(sweep)
    process = start(arguments, clean_environment(tmp_path / "home"), tmp_path / "log")
    assert process.wait(timeout=600) == 0, (tmp_path / "log").read_text()[-3000:]
    return json.loads((tmp_path / "sweep" / "sweep.json").read_text())


def hyperparameters(out: Path) -> list[str]:
    """Of each trial of the search the names that TensorBoard's hyperparameters have there."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData  # pyright: ignore[reportAttributeAccessIssue]

    names: list[str] = []
    for folder in sorted(path for path in (out / "search").iterdir() if path.is_dir()):
        found = EventAccumulator(str(folder)).Reload().PluginTagToContent("hparams")
        starts = (HParamsPluginData.FromString(content).session_start_info for content in found.values())
        names += [name for start in starts for name in start.hparams]
    return names


def wins(found: dict[str, Any]) -> bool:
    """Whether the winner is the trial of the highest objective, under settings whose weights sum to 1."""
    weights = [value for name, value in found["winner"]["config"].items() if name.startswith("reward.weights.")]
    best = max(trial["objective"] for trial in found["trials"])
    return found["winner"]["objective"] == best and sum(weights) == pytest.approx(1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the parts of the smoke sweeps."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "home").mkdir()
    arguments = words(folder / "sweep", folder / "cache")
    arguments[1] = str(searching(1, folder / "one.yaml"))
    process = start(arguments, clean_environment(folder / "home"), folder / "log")
    assert process.wait(timeout=600) == 0, (folder / "log").read_text()[-3000:]
    return folder / "cache"


def test_a_killed_sweep_goes_on_and_loses_no_finished_trial(cache: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment, log, out = clean_environment(home), tmp_path / "log", tmp_path / "sweep"
    arguments = words(out, cache)
    arguments[1] = str(searching(3, tmp_path / "three.yaml"))
    killed = start(arguments, environment, log)
    wait_until(lambda: whole(out) and len(results(out)) > len(whole(out)), killed, log)
    end_with_children(killed.pid, patience=0)
    killed.wait()
    finished = whole(out)
    before = {name: lines for name, lines in results(out).items() if name in finished}
    assert not (out / "sweep.json").exists()
    resumed = start(arguments, environment, log)
    assert resumed.wait(timeout=600) == 0, log.read_text()[-3000:]
    after = results(out)
    assert all(after[name] == lines for name, lines in before.items())
    assert len(whole(out)) == 3
    found = json.loads((out / "sweep.json").read_text())
    assert [trial["status"] for trial in found["trials"]] == ["finished"] * 3
    assert (out / "report" / "index.html").is_file()
    other = start([*arguments[:1], "tune_configs/smoke.yaml", *arguments[2:]], environment, tmp_path / "refused")
    assert other.wait(timeout=120) == 1
    assert "began with other settings:\n  final.seeds" in (tmp_path / "refused").read_text()
    longer = start([*arguments, "-s", "ppo.iterations=4"], environment, tmp_path / "longer")
    assert longer.wait(timeout=120) == 1
    assert "  ppo.iterations: 3 -> 4\nPut them back" in (tmp_path / "longer").read_text()


def test_asha_ends_the_weaker_trials_and_a_trial_may_ask_for_more_than_the_cores(cache: Path, tmp_path: Path) -> None:
    sweep = searching(3, tmp_path / "asha.yaml", scheduler={"kind": "asha", "grace": 2, "reduction": 2})
    threads = f"resources.driver_threads={(os.cpu_count() or 1) + 1}"
    found = swept(sweep, cache, tmp_path, "ppo.iterations=4", threads)
    ended = [(trial["status"], trial["iterations"]) for trial in found["trials"]]
    assert ended[0] == ("finished", 4), "nothing is known yet that it could be weaker than"
    assert set(ended) <= {("finished", 4), ("stopped", 2)} and len(ended) == 3
    assert wins(found)
    names = hyperparameters(tmp_path / "sweep")
    assert names.count("reward.weights.empathy") == 3 and not any("/" in name for name in names)


def test_population_based_training_keeps_choices_and_needs_no_absolute_paths(cache: Path, tmp_path: Path) -> None:
    sweep = searching(
        2,
        tmp_path / "pbt.yaml",
        search={"at_once": 2},
        space={
            "reward.weights": {"simplex": ["empathy", "overall"]},
            "reward.acceptance": {"choices": [0.1, 0.5]},
            "ppo.kl": {"uniform": [0.1, 0.5]},
        },
        scheduler={"kind": "pbt", "interval": 2},
    )
    found = swept(sweep, Path(os.path.relpath(cache, ROOT)), tmp_path, "ppo.iterations=7")
    assert [(trial["status"], trial["iterations"]) for trial in found["trials"]] == [("finished", 7)] * 2
    assert {trial["config"]["reward.acceptance"] for trial in found["trials"]} <= {0.1, 0.5}
    assert wins(found)


def test_a_trial_that_cannot_start_is_failed_and_the_sweep_goes_on(cache: Path, tmp_path: Path) -> None:
    space = {"ppo.minibatch_conversations": {"choices": [5, 16]}}  # of 16 conversations
    sweep = searching(2, tmp_path / "grid.yaml", search={"sampler": "grid", "failures": 0}, space=space)
    found = swept(sweep, cache, tmp_path)
    failed, finished = found["trials"]
    assert (failed["status"], failed["objective"], failed["iterations"]) == ("failed", None, 0)
    assert failed["config"] == {"ppo.minibatch_conversations": 5}
    assert "ppo.conversations_per_iteration=16 is not a multiple of" in failed["error"]
    assert finished["status"] == "finished"
    assert found["winner"] == finished


def test_optuna_searches(cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    found = swept(searching(3, tmp_path / "optuna.yaml", search={"sampler": "optuna"}), cache, tmp_path)
    assert [(trial["status"], trial["iterations"]) for trial in found["trials"]] == [("finished", 3)] * 3
    assert len({trial["config"]["reward.cap"] for trial in found["trials"]}) == 3
    assert wins(found)


@pytest.mark.parametrize("token", [True, False], ids=["with a token", "without one"])
def test_a_smoke_sweep_is_a_job(tmp_path: Path, token: bool) -> None:
    secret = secrets.token_hex(24)
    more = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secret} if token else {}
    with ray_head(cpus=2, **more) as head:
        out = tmp_path / "sweep"
        done = head.submit(*words(out, tmp_path / "cache"))
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert "search: done" in done.stdout + done.stderr
        made = {path.name for path in out.iterdir()}
        assert {"config.yaml", "sweep.yaml", "sweep.json", "trials.csv", "search", "finals", "report"} <= made
        assert len(json.loads((out / "sweep.json").read_text())["comparison"]["each"]) == 1
        for file in (path for folder in (out, head.folder) for path in folder.rglob("*") if path.is_file()):
            assert secret.encode() not in file.read_bytes(), file


@contextmanager
def worker(head: Head, hidden: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A node of one CPU that joins the head, in a mount namespace where the folder ``hidden`` is empty."""
    ports = dict(zip(("dashboard-agent-listen-port", "dashboard-agent-grpc-port"), free_ports(2), strict=True))
    options = " ".join(f"--{name}={port}" for name, port in ports.items())
    script = (
        f"mount -t tmpfs none {hidden} && exec {BIN / 'ray'} start --address={head.gcs} --num-cpus=1 --block "
        f"--node-ip-address=127.0.0.1 --object-store-memory=100000000 {options}"
    )
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["unshare", "--mount", "bash", "-c", script],
            env=dict(head.environment),
            cwd=head.folder,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "Ray runtime started" in log.read_text(), process, log, seconds=180)
        yield process
    finally:
        end_with_children(process.pid)
        process.wait()


def may_mount() -> bool:
    unshare = shutil.which("unshare")
    tried = [unshare, "--mount", "mount", "-t", "tmpfs", "none", "/mnt"] if unshare else ["false"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount(), reason="a mount namespace needs unshare and its rights")
def test_a_sweep_outlives_a_node_and_needs_no_shared_cache(cache: Path, tmp_path: Path) -> None:
    """Two workers without the driver's cache: parts reach them through Ray. One is killed; its trial goes on."""
    out, log = tmp_path / "sweep", tmp_path / "log"
    with (
        ray_head(cpus=0) as head,
        worker(head, cache, tmp_path / "one") as one,
        worker(head, cache, tmp_path / "two"),
    ):
        environment = {**head.environment, "RAY_ADDRESS": head.gcs}
        driver = start(words(out, cache, "ppo.iterations=8"), environment, log)
        wait_until(lambda: sum(map(len, results(out).values())) >= 3 and len(results(out)) == 2, driver, log)
        os.killpg(one.pid, signal.SIGKILL)
        end_with_children(one.pid, patience=0)
        assert driver.wait(timeout=600) == 0, log.read_text()[-3000:]
    found = json.loads((out / "sweep.json").read_text())
    assert [(trial["status"], trial["iterations"]) for trial in found["trials"]] == [("finished", 8)] * 2
