"""A run that was killed outright goes on from its last checkpoint and ends where an undisturbed one ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.ecr_rl.small_run import SMALL

ROOT = Path(__file__).resolve().parents[3]
CHOOSING = ["ppo.select_every=1", "ppo.select_dialogues=6", "ppo.learning_rate_schedule=cosine"]
pytestmark = pytest.mark.slow


def start(out: Path, cache: Path, *more: str) -> subprocess.Popen[bytes]:
    changes = [*SMALL, *CHOOSING, "ppo.iterations=6", "ppo.checkpoint_every=2", f"cache={cache}"]
    options = [word for change in changes for word in ("-s", change)]
    command = [sys.executable, "-m", "ecr_rl", "train", "demo", "--out", str(out), *options, *more]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def test_killed_and_resumed_run_equals_an_undisturbed_one(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole", tmp_path / "cache")
    assert whole.wait(timeout=600) == 0, whole.stderr and whole.stderr.read().decode()[-2000:]

    killed = start(tmp_path / "killed", tmp_path / "cache")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "killed" / "checkpoints").glob("iteration-*")):
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "model").exists()

    refused = start(tmp_path / "killed", tmp_path / "cache")
    assert refused.wait(timeout=60) != 0
    assert b"--resume" in (refused.stderr.read() if refused.stderr else b"")

    resumed = start(tmp_path / "killed", tmp_path / "cache", "--resume")
    assert resumed.wait(timeout=600) == 0, resumed.stderr and resumed.stderr.read().decode()[-2000:]
    one, other = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "killed"))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)
    first, second = (json.loads((tmp_path / name / "ppo.json").read_text()) for name in ("whole", "killed"))
    assert [scored["iteration"] for scored in first["selection"]] == [0, 2, 3, 4, 5, 6]
    assert first["selection"] == second["selection"]
    assert first["selected_iteration"] == second["selected_iteration"]
