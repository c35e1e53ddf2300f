"""Progress on stderr: a rich bar with ETA on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LINE_SECONDS = 5.0
"""The least seconds between two plain lines of a stage."""
SHOWN_METRICS = 4
"""The most metrics that are shown with a bar."""


class Display(Protocol):
    """Shows one stage at a time."""

    def start(self, name: str, total: int) -> None:
        """Begin a stage."""
        ...

    def update(self, done: int, total: int, metrics: Mapping[str, float | None], eta: float | None) -> None:
        """Show the progress; ``eta`` in seconds, None while unknown."""
        ...

    def finish(self, outcome: str, seconds: float) -> None:
        """End the stage; ``outcome`` is one word."""
        ...


def make_display(console: Console | None = None) -> Display:
    """Bars when stderr is a terminal, plain lines otherwise."""
    console = console or Console(stderr=True)
    return BarDisplay(console) if console.is_terminal else LineDisplay(console)


class BarDisplay:
    """A live bar: stage, bar, count, elapsed, ETA and the last metrics."""

    def __init__(self, console: Console) -> None:
        """Show on this console."""
        self._console = console
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def start(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._progress = Progress(
            TextColumn("[bold]{task.description:<12}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
        )
        self._progress.start()
        self._task = self._progress.add_task(name, total=total, note="")

    def update(self, done: int, total: int, metrics: Mapping[str, float | None], eta: float | None) -> None:
        """Move the bar."""
        if self._progress is not None:
            note = f"eta {clock(eta)}  {metrics_line(metrics)}"
            self._progress.update(self._task, completed=done, total=total, note=note)

    def finish(self, outcome: str, seconds: float) -> None:
        """Stop the bar and show the outcome."""
        if self._progress is not None:
            self._progress.update(self._task, note=f"{outcome} in {clock(seconds)}")
            self._progress.stop()
            self._progress = None


class LineDisplay:
    """A plain line every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Show on this console."""
        self._console = console
        self._name, self._last = "", 0.0

    def start(self, name: str, total: int) -> None:
        """Begin a stage."""
        self._name, self._last = name, time.monotonic()
        self._write(f"{name}: started")

    def update(self, done: int, total: int, metrics: Mapping[str, float | None], eta: float | None) -> None:
        """Write a line when the last one is old enough."""
        if time.monotonic() - self._last < LINE_SECONDS:
            return
        self._last = time.monotonic()
        self._write(f"{self._name}: {done}/{total}, eta {clock(eta)}  {metrics_line(metrics)}".rstrip())

    def finish(self, outcome: str, seconds: float) -> None:
        """Write the outcome."""
        self._write(f"{self._name}: {outcome} in {clock(seconds)}")

    def _write(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def metrics_line(metrics: Mapping[str, float | None], shown: int = SHOWN_METRICS) -> str:
    """The first metrics as ``name=value``, for a person."""
    return "  ".join(
        f"{name}={'nan' if value is None else f'{value:.4g}'}" for name, value in list(metrics.items())[:shown]
    )


def clock(seconds: float | None) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``; ``-`` while unknown."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
