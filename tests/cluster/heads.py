"""A Ray head of a test's own: free ports, a home and a temporary folder of its own, ended with all its processes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Head:
    """A running head: its job server's address, and the one that nodes and drivers join at."""

    address: str
    gcs: str
    environment: Mapping[str, str]
    folder: Path

    def submit(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """``ecr-rl submit`` to it, to its end."""
        return self.started(*words, **more).wait_for()

    def started(self, *words: str, **more: str) -> Running:
        """``ecr-rl submit`` to it, under way."""
        command = [sys.executable, "-m", "ecr_rl", "submit", "--address", self.address, *words]
        return self._start(command, more)

    def ray_job(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of ours by ``ray job submit`` alone, to its end."""
        command = [str(BIN / "ray"), "job", "submit", "--address", self.address, "--working-dir", ".", "--"]
        return self._start([*command, "python", "-m", "ecr_rl", *words], {}).wait_for()

    def _start(self, command: list[str], more: Mapping[str, str]) -> Running:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Running(process)


@dataclass(frozen=True)
class Running:
    """A command under way."""

    process: subprocess.Popen[str]

    def wait_for(self, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Its end."""
        out, err = self.process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """What a fresh shell has, with this interpreter first on the path and nothing of another cluster."""
    kept = {name: os.environ[name] for name in ("LANG", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    ours = {"HOME": str(home), "PATH": path, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    return {**kept, **ours, "PYTHONPATH": "", **more}


@contextmanager
def ray_head(cpus: int = 1, **environment: str) -> Iterator[Head]:
    """A head with its dashboard on loopback; its processes and its folder are gone at the end.

    ``ray stop`` would end every Ray process of the machine, so the head is ended by its own processes.
    """
    folder = Path(tempfile.mkdtemp(prefix="ecr-ray-", dir="/tmp"))  # sockets' paths are 107 characters at most
    home = folder / "home"
    home.mkdir()
    variables = clean_environment(home, **environment)
    gcs, dashboard, client, agent, grpc, metrics, environments = free_ports(7)
    options = {
        "--node-ip-address": "127.0.0.1",
        "--port": gcs,
        "--dashboard-port": dashboard,
        "--dashboard-host": "127.0.0.1",
        "--ray-client-server-port": client,
        "--dashboard-agent-listen-port": agent,
        "--dashboard-agent-grpc-port": grpc,
        "--metrics-export-port": metrics,
        "--runtime-env-agent-port": environments,
        "--num-cpus": cpus,
        "--object-store-memory": 100_000_000,
        "--temp-dir": folder / "ray",
    }
    command = [str(BIN / "ray"), "start", "--head", "--block", "--include-dashboard=true"]
    command += [f"{name}={value}" for name, value in options.items()]
    with (folder / "head.log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{dashboard}"
    try:
        _wait_for(address, process, folder / "head.log")
        yield Head(address, f"127.0.0.1:{gcs}", variables, folder)
    finally:
        end_with_children(process.pid)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def end_with_children(number: int, patience: float = 10) -> None:
    """End a process and all that it started: asked first, killed after a while."""
    try:
        parent = psutil.Process(number)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    parent.terminate()
    _, alive = psutil.wait_procs(family, timeout=patience)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=patience)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"{address}/api/version", timeout=2):
                return
        except urllib.error.HTTPError:  # 401: it is there, and wants a token
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no dashboard at {address}: {log.read_text()[-3000:]}")
