"""``cluster/slurm.sbatch`` on a real Slurm of one node and among stand-ins: a run, its resumption, its end."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.heads import BIN, ROOT
from tests.cluster.slurm_node import SlurmNode, slurm_node, why_not
from tests.ecr_rl.small_run import SMALL

SCRIPT = ROOT / "cluster" / "slurm.sbatch"
needs_slurm = pytest.mark.skipif(why_not() is not None, reason=f"Slurm: {why_not()}")
TOKEN = "the-token-of-this-test-that-nobody-may-write-down"
STAND_INS = {
    "scontrol": "echo node",
    "hostname": "echo 10.0.0.1",
    "srun": 'while [[ $1 != bash ]]; do shift; done; exec "$@"',
    "python": f"""case "$*" in
        -c*) echo token ;;
        *--help) exec {sys.executable} "$@" ;;
        *) for _ in $(seq "$TENTHS"); do sleep 0.1; done; touch ended ;;
    esac""",
    "ray": """echo start >> starts
    [[ $(wc -l < starts) -gt 2 ]] || exit 1
    for word in "$@"; do [[ $word != --temp-dir=* ]] || folder=${word#*=}; done
    mkdir -p "$folder" && touch "$folder/ray_current_cluster"
    echo "Ray runtime started."
    for _ in {1..40}; do [[ ! -e ended ]] || exit 1; sleep 0.1; done
    exit 1""",
}
"""Programs in place of Slurm's and Ray's: a Ray that misses two starts, and ends after four seconds or with the run."""


@pytest.fixture(scope="module")
def node() -> Iterator[SlurmNode]:
    with slurm_node(PYTHONPATH=str(ROOT), RAY_AUTH_TOKEN=TOKEN) as node:
        yield node


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact cache of all runs here: the trained parts are made once."""
    return tmp_path_factory.mktemp("cache")


def submit(node: SlurmNode, *words: str) -> str:
    """The number of a new job."""
    options = ["--parsable", "--nodes=1", f"--output={node.folder}/job-%j.out"]
    return node.run("sbatch", *options, str(SCRIPT), "--venv", str(BIN.parent), *words)


def output(node: SlurmNode, job: str) -> str:
    return (node.folder / f"job-{job}.out").read_text() + (node.folder / f"slurm-{job}-ray.log").read_text()


def training(run: Path, cache: Path) -> list[str]:
    changes = [*SMALL, "ppo.iterations=12", f"cache={cache}"]
    return ["train", "demo", "--out", str(run), *(word for change in changes for word in ("-s", change))]


def left_over(job: str) -> list[str]:
    """Processes and folders of a job that should have ended; a moment is given to those that are ending."""
    folder = f"/tmp/ecr-ray-{job}"
    deadline = time.monotonic() + 20
    while True:
        found = [str(process.pid) for process in psutil.process_iter() if folder in " ".join(_words(process))]
        found += [folder] if os.path.exists(folder) else []
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_for_checkpoint(node: SlurmNode, job: str, run: Path, count: int = 1) -> None:
    deadline = time.monotonic() + 1500
    while len(list((run / "checkpoints").glob("iteration-*"))) < count:
        assert node.job(job)["JobState"] in ("RUNNING", "PENDING"), output(node, job)[-3000:]
        assert time.monotonic() < deadline, output(node, job)[-3000:]
        time.sleep(0.5)


@pytest.mark.slow
@needs_slurm
def test_a_run_is_requeued_twice_and_goes_on_where_it_was(node: SlurmNode, cache: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    job = submit(node, *training(run, cache))
    wait_for_checkpoint(node, job, run)
    node.run("scontrol", "requeue", job)  # what a preemption does
    node.wait_for(job, "RUNNING")
    deadline = time.monotonic() + 600
    while not json.loads((run / "run.json").read_text())["resumed"]:
        assert time.monotonic() < deadline, output(node, job)[-3000:]
        time.sleep(0.2)
    node.run("scancel", "--batch", "--signal=USR1", job)  # what Slurm does before the time limit
    deadline = time.monotonic() + 60
    while node.job(job)["Restarts"] != "2":
        assert time.monotonic() < deadline, output(node, job)[-3000:]
        time.sleep(0.2)
    ended = node.wait_for(job, "COMPLETED", "FAILED", "CANCELLED", seconds=1500)
    said = output(node, job)
    assert ended["JobState"] == "COMPLETED", said[-3000:]
    assert (run / "report" / "index.html").is_file()
    facts = json.loads((run / "run.json").read_text())
    assert len(facts["resumed"]) == 2
    iterations = [
        json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines() if '"ppo"' in line
    ]
    assert iterations == sorted(set(iterations))  # none twice
    assert "start 3: train demo" in said and "back into the queue" in said
    assert left_over(job) == []
    texts = [path for path in [*tmp_path.rglob("*"), *cache.rglob("*"), *node.folder.rglob("*")] if path.is_file()]
    writers = [path for path in texts if TOKEN.encode() in path.read_bytes()]
    assert all((node.folder / "state") in path.parents for path in writers)  # Slurm's own copy of the environment


@pytest.mark.slow
@needs_slurm
def test_a_cancelled_job_and_a_failing_one_leave_nothing(node: SlurmNode, cache: Path, tmp_path: Path) -> None:
    failing = submit(node, "status", str(tmp_path / "nowhere"))
    assert node.wait_for(failing, "FAILED", "COMPLETED")["ExitCode"] == "1:0", output(node, failing)
    assert "no run there" in output(node, failing)
    assert left_over(failing) == []
    job = submit(node, *training(tmp_path / "run", cache))
    wait_for_checkpoint(node, job, tmp_path / "run")
    node.run("scancel", job)
    assert node.wait_for(job, "CANCELLED", "COMPLETED", "FAILED")["JobState"] == "CANCELLED"
    assert left_over(job) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say what runs"),
        (["--venv", "/nowhere", "status", "x"], "/nowhere is no virtual environment"),
        (["--venv", "a", "--conda", "b", "status", "x"], "not both"),
        (["--conda", "b", "status", "x"], "conda is not on the PATH"),
        (["--iterations", "3"], "unknown option --iterations"),
    ],
)
def test_what_it_refuses(words: list[str], said: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "1"}
    done = subprocess.run(["bash", str(SCRIPT), *words], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert said in done.stderr


def run_alone(folder: Path, run_seconds: int, *words: str) -> subprocess.CompletedProcess[str]:
    """The script in a job that was requeued once, among stand-ins."""
    programs = folder / "programs"
    programs.mkdir()
    for name, body in STAND_INS.items():
        (programs / name).write_text(f"#!/bin/bash\n{body}\n")
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "TENTHS": str(10 * run_seconds),
        "SLURM_JOB_ID": str(random.randrange(10**6, 10**7)),
        "SLURM_JOB_NODELIST": "node",
        "SLURM_RESTART_COUNT": "1",
    }
    command = ["bash", str(SCRIPT), *words]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_missed_start_is_repeated_and_a_ray_that_ended_is_not(tmp_path: Path) -> None:
    done = run_alone(tmp_path, 30, "status", "run")
    assert done.returncode == 1
    assert "Ray on a node ended" in done.stderr
    assert (tmp_path / "starts").read_text().count("start") == 3


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("train demo --out run", " --resume"),
        ("train demo --out run --resume", ""),
        ("sweep smoke --out sweep", " --resume"),
        ("label --out labels", " --resume"),
        ("label merge one other --out labels", ""),
        ("evaluate run", ""),
    ],
)
def test_a_requeued_command_resumes_where_it_can(tmp_path: Path, words: str, more: str) -> None:
    done = run_alone(tmp_path, 0, *words.split())
    assert done.returncode == 0, done.stderr
    assert f"start 2: {words}{more}\n" in done.stderr
