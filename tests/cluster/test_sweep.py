"""Sweeps for real: killed and resumed, as a job, and on nodes of which one is lost and that share no cache."""

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


def searching(trials: int, file: Path) -> Path:
    """A smoke sweep of so many trials, one at a time, without final trainings."""
    text = (ROOT / "tune_configs" / "smoke.yaml").read_text()
    text = text.replace("{trials: 2}", f"{{trials: {trials}, at_once: 1}}").replace("{seeds: 1}", "{seeds: 0}")
    file.write_text(text)
    return file


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
    assert "began with other final, name, search. Put it back" in (tmp_path / "refused").read_text()


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
