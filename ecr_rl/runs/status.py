"""The status of a run, read from its folder alone, so that any process that sees the files can show it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.progress import clock, metrics_line
from ecr_rl.runs.stage import STATUS
from envs.errors import RunError

ENDED = ("finished", "failed", "interrupted", "stopped")
"""States in which no process works in the folder."""
REFRESH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run's state at one moment.

    Attributes:
        run: the folder.
        name: the run's name.
        state: ``running``, or one of ``ENDED``; ``stopped`` means that the process was killed.
        error: the error that ended a failed run.
        stage: the last stage that began, None before the first.
        done, total: its steps.
        eta_seconds: estimated seconds to its end, None while unknown.
        updated_seconds: age of this status.
        stages: every stage so far: name, state, done, total, seconds, eta_seconds.
        metrics: the last figures.
        workers: the running workers.
    """

    run: str
    name: str
    state: str
    error: str | None
    stage: str | None
    done: int
    total: int
    eta_seconds: float | None
    updated_seconds: float
    stages: list[dict[str, Any]]
    metrics: dict[str, float | None]
    workers: list[dict[str, Any]]


def read_status(path: Path) -> RunStatus:
    """The status of a run.

    Raises:
        RunError: there is no run in the folder, or its ``status.json`` is damaged.
    """
    run = RunFolder.open(path)
    file = path / STATUS
    if not file.is_file():
        raise RunError(f"{path}: the run has not begun ({STATUS} is missing)")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RunError(f"{file}: not JSON ({error}). The run's next step writes it anew") from error
    state = content["state"]
    if state == "running" and not run.busy():
        state = "stopped"
    current: dict[str, Any] = next((s for s in content["stages"] if s["name"] == content["stage"]), {})
    age = time.time() - content["updated"]
    eta = current.get("eta_seconds")
    return RunStatus(
        run=str(path),
        name=run.config.name,
        state=state,
        error=content["error"],
        stage=content["stage"],
        done=current.get("done", 0),
        total=current.get("total", 0),
        eta_seconds=max(0.0, eta - age) if eta is not None and state == "running" else None,
        updated_seconds=round(age, 1),
        stages=[{**stage, "state": _stage_state(stage["state"], state)} for stage in content["stages"]],
        metrics=content["metrics"],
        workers=content["workers"],
    )


def watch(path: Path) -> Iterator[RunStatus]:
    """Yield the status every ``REFRESH_SECONDS``, and a last time when the run has ended."""
    while True:
        status = read_status(path)
        yield status
        if status.state in ENDED:
            return
        time.sleep(REFRESH_SECONDS)


def status_view(status: RunStatus) -> RenderableType:
    """The status for a person: a headline, the stages, the last figures, the workers."""
    table = Table("stage", "state", "steps", "took", "ETA", box=None, pad_edge=False)
    for stage in status.stages:
        steps = f"{stage['done']}/{stage['total']}"
        eta = clock(status.eta_seconds) if stage["state"] == "running" else "-"
        table.add_row(stage["name"], stage["state"], steps, clock(stage["seconds"]), eta)
    lines: list[RenderableType] = [Text(headline(status), style="bold"), table]
    if status.metrics:
        lines.append(Text("last figures: " + metrics_line(status.metrics, shown=12)))
    if status.workers:
        lines.append(Text("workers: " + "; ".join(_worker(worker) for worker in status.workers)))
    return Group(*lines)


def headline(status: RunStatus) -> str:
    """One line: what the run is doing, or how to resume it if it has stopped."""
    where = f"{status.stage} {status.done}/{status.total}" if status.stage else "no stage yet"
    text = f"{status.run}: {status.state}, {where}, {status.updated_seconds:.0f} s ago"
    if status.error:
        text += f"\n{status.error}"
    if status.state in ("stopped", "interrupted", "failed"):
        text += "\nThe same command with --resume goes on from the last checkpoint"
    return text


def _stage_state(stage: str, run: str) -> str:
    return run if stage == "running" and run in ENDED else stage


def _worker(worker: dict[str, Any]) -> str:
    return " ".join(str(value) if key == "kind" else f"{key}={value}" for key, value in worker.items())
