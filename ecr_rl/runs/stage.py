"""A running stage: its ETA, its lines in the metrics, its entry in ``status.json``."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecr_rl.runs.metrics import MetricsLog
from ecr_rl.runs.progress import Display
from envs.files import write_json

STATUS = "status.json"
STATUS_SECONDS = 0.5
"""The least seconds between two writes of ``status.json`` within a stage."""


class StatusFile:
    """``status.json``: the run's state, its stages, the last metrics and the workers; each write is atomic."""

    def __init__(self, folder: Path) -> None:
        """Begin the status of a running run; keep an earlier start's stages, and mark its running stage as stopped."""
        self._file, self._written = folder / STATUS, 0.0
        before = json.loads(self._file.read_text(encoding="utf-8")) if self._file.is_file() else {"stages": []}
        for entry in before["stages"]:
            entry["state"] = "stopped" if entry["state"] == "running" else entry["state"]
        self._content: dict[str, Any] = {
            "state": "running",
            "error": None,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": time.time(),
            "updated": time.time(),
            "stage": None,
            "stages": before["stages"],
            "metrics": {},
            "workers": [],
        }
        self._write()

    def set(self, **fields: Any) -> None:
        """Change fields and write the file."""
        self._content.update(fields)
        self._write()

    def stage(self, fields: Mapping[str, Any], metrics: Mapping[str, Any] | None = None, force: bool = False) -> None:
        """Set a stage's entry (by its ``name``) and the last metrics; ``force`` writes the file at once."""
        stages = [entry for entry in self._content["stages"] if entry["name"] != fields["name"]]
        self._content.update(stage=fields["name"], stages=[*stages, dict(fields)])
        if metrics:
            self._content["metrics"] = dict(metrics)
        if force or time.monotonic() - self._written >= STATUS_SECONDS:
            self._write()

    def _write(self) -> None:
        self._content["updated"] = time.time()
        write_json(self._file, self._content)
        self._written = time.monotonic()


class Stage:
    """One running stage; ``update`` has the form of every stage function's ``on_step``."""

    def __init__(self, name: str, total: int, log: MetricsLog, status: StatusFile, display: Display) -> None:
        """Begin the stage."""
        self.name = name
        self._log, self._status, self._display = log, status, display
        self._begun = time.monotonic()
        self._first: tuple[int, float] | None = None
        self._done, self._total = 0, total
        display.start(name, total)
        self._tell("running", None, force=True)

    def update(self, done: int, total: int, metrics: Mapping[str, float]) -> None:
        """Report the stage's progress, with the figures of this step if there are any.

        Args:
            done: steps done.
            total: steps in all.
            metrics: figures of this step by name; not ``time``, ``stage``, ``step`` or ``total``.
        """
        self._done, self._total = done, total
        if self._first is None:
            self._first = (done, time.monotonic())
        written = self._log.append(self.name, done, total, metrics) if metrics else {}
        eta = self._eta()
        self._display.update(done, total, written, eta)
        self._tell("running", eta, written)

    def end(self, state: str) -> None:
        """Close the stage as ``done`` or ``failed``."""
        self._display.finish(state, time.monotonic() - self._begun)
        self._tell(state, None, force=True)

    def _eta(self) -> float | None:
        """Seconds left at the pace since the first update; steps before a resume do not count."""
        if self._first is None:
            return None
        steps, seconds = self._done - self._first[0], time.monotonic() - self._first[1]
        if steps <= 0 and self._done == 1:
            steps, seconds = 1, time.monotonic() - self._begun
        return None if steps <= 0 else seconds / steps * (self._total - self._done)

    def _tell(
        self, state: str, eta: float | None, metrics: Mapping[str, Any] | None = None, force: bool = False
    ) -> None:
        fields = {
            "name": self.name,
            "state": state,
            "done": self._done,
            "total": self._total,
            "seconds": round(time.monotonic() - self._begun, 1),
            "eta_seconds": None if eta is None else round(eta, 1),
        }
        self._status.stage(fields, metrics, force)
