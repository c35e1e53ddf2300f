"""``ecr-rl submit``, and ``ray job submit`` alone, against a real head, without and with token authentication."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.heads import Head, ray_head
from tests.ecr_rl.small_run import SMALL


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    with ray_head() as head:
        yield head


def training(out: Path, cache: Path) -> list[str]:
    """The words of a small training run."""
    changes = [*SMALL, f"cache={cache}"]
    return ["train", "demo", "--out", str(out), "--resume", *(word for change in changes for word in ("-s", change))]


def test_a_good_and_a_failing_job(head: Head, tmp_path: Path) -> None:
    good = head.submit("data", "stats", "--json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout.splitlines()[-1])["test"]["dialogues"] > 0
    assert "MiB go to" in good.stderr
    assert "runs any code" not in good.stderr  # loopback
    failing = head.submit("--json", "status", str(tmp_path))
    assert failing.returncode == 1
    state = json.loads(failing.stdout)
    assert (state["status"], state["exit_code"]) == ("FAILED", 1)
    assert "no run there" in failing.stderr
    assert "Traceback" not in failing.stderr


@pytest.mark.slow
def test_a_job_streams_is_seen_and_is_stopped(head: Head, tmp_path: Path) -> None:
    started = head.submit("--no-wait", *training(tmp_path / "run", tmp_path / "cache"))
    assert started.returncode == 0, started.stderr
    job = started.stdout.strip()
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "status.json").is_file():
        assert time.monotonic() < deadline, head.submit("--status", job).stdout
        time.sleep(0.2)
    assert json.loads(head.submit("--json", "--status", job).stdout)["status"] == "RUNNING"
    assert job in head.submit("--status").stdout
    assert json.loads(head.submit("--json", "--stop", job).stdout) == {"id": job, "stopped": True}
    deadline = time.monotonic() + 60
    while (state := json.loads(head.submit("--json", "--status", job).stdout))["status"] == "RUNNING":
        assert time.monotonic() < deadline
    assert (state["status"], state["exit_code"]) == ("STOPPED", 143)
    assert "had ended" in head.submit("--stop", job).stdout
    unknown = head.submit("--status", "raysubmit_none")
    assert unknown.returncode == 1
    assert "raysubmit_none" in unknown.stderr
    assert "Traceback" not in unknown.stderr


@pytest.mark.slow
def test_with_a_token_and_without_one(tmp_path: Path) -> None:
    """A training run on a head that demands a token; the token is found nowhere afterwards."""
    token, wrong = secrets.token_hex(24), secrets.token_hex(24)
    with ray_head(cpus=4, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token) as head:
        said = []
        without = head.submit("--status", RAY_AUTH_MODE="disabled")
        assert without.returncode == 1
        assert "demands a token (401). Set RAY_AUTH_MODE=token" in without.stderr
        refused = head.submit("--status", RAY_AUTH_TOKEN=wrong)
        assert refused.returncode == 1
        assert "does not accept the token (403)" in refused.stderr
        file = Path(head.environment["HOME"]) / ".ray" / "auth_token"
        file.parent.mkdir()
        file.write_text(token)
        by_file = head.submit("--status", RAY_AUTH_TOKEN="")
        assert by_file.returncode == 0, by_file.stderr
        file.unlink()
        trained = head.submit(*training(tmp_path / "run", tmp_path / "cache"))
        assert trained.returncode == 0, trained.stdout[-3000:] + trained.stderr[-3000:]
        made = {path.name for path in (tmp_path / "run").iterdir()}
        assert {"config.yaml", "run.json", "metrics.jsonl", "tensorboard", "checkpoints", "model", "report"} <= made
        request = urllib.request.Request(f"{head.address}/api/jobs/", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as answer:
            said.append(answer.read().decode())
        assert "ecr_rl train" in said[0]
        said += [text for done in (without, refused, by_file, trained) for text in (done.stdout, done.stderr)]
        assert not [text for text in said if token in text or wrong in text]
        assert _files_with(token, head.folder, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("token", [True, False], ids=["with a token", "without one"])
def test_ray_submits_a_training_alone(tmp_path: Path, token: bool) -> None:
    more = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(24)} if token else {}
    with ray_head(cpus=4, **more) as head:
        failing = head.ray_job("status", str(tmp_path))
        assert failing.returncode == 1
        assert "no run there" in failing.stdout + failing.stderr
        trained = head.ray_job(*training(tmp_path / "run", tmp_path / "cache"))
        said = trained.stdout + trained.stderr
        assert trained.returncode == 0, said[-3000:]
        assert "ppo: done" in said  # the job's own output came through
        assert (tmp_path / "run" / "report" / "index.html").is_file()


def _files_with(text: str, *folders: Path) -> list[Path]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 20  # Ray's logs are among them
    return [path for path in files if text.encode() in path.read_bytes()]
