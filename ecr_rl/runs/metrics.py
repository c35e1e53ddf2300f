"""The metrics of a run: lines of ``metrics.jsonl``, and TensorBoard's scalars, texts and histograms.

A line is ``{"time", "stage", "step", "total", metric…}``: ``time`` in seconds since 1970, ``step`` from 1. Lines are
written and flushed one by one, so that a killed process loses at most the line it was writing.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envs.errors import RunError
from envs.files import write_text

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

METRICS = "metrics.jsonl"
RESERVED = ("time", "stage", "step", "total")
"""Keys of a line that are not metrics."""


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's ``metrics.jsonl``, without a last line that is still being written.

    Raises:
        RunError: a line is not JSON, except for an incomplete last line.
    """
    file = folder / METRICS
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
    return [_parse(line, file, number) for number, line in enumerate(lines, start=1)]


@dataclass(frozen=True, slots=True)
class TensorBoardPage:
    """Texts and histograms of one step, shown in TensorBoard.

    Attributes:
        texts: Markdown by name.
        histograms: finite numbers by name.
    """

    texts: Mapping[str, str]
    histograms: Mapping[str, Sequence[float]]


class MetricsLog:
    """Appends metrics of one run folder; one writer at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the log for appending; first remove an incomplete last line."""
        self._folder, self._file = folder, folder / METRICS
        self._boards: dict[str, SummaryWriter] = {}
        self._cut_torn_line()
        self._lines = self._file.open("a", encoding="utf-8")

    def append(self, stage: str, step: int, total: int, metrics: Mapping[str, float]) -> dict[str, float | None]:
        """Write one line and its scalars ``stage/metric``; a value that is not finite becomes null.

        Returns:
            The metrics as they were written.

        Raises:
            ValueError: a metric has a reserved name.
        """
        clash = set(metrics) & set(RESERVED)
        if clash:
            raise ValueError(f"metrics named {sorted(clash)} would hide fields of the line")
        values = {name: _number(value) for name, value in metrics.items()}
        line = {"time": round(time.time(), 3), "stage": stage, "step": step, "total": total, **values}
        self._lines.write(json.dumps(line, allow_nan=False) + "\n")
        self._lines.flush()
        for name, value in values.items():
            if value is not None:
                self._board(stage).add_scalar(f"{stage}/{name}", value, step)
        return values

    def show(self, stage: str, step: int, page: TensorBoardPage) -> None:
        """Write a page of texts and histograms to TensorBoard, as ``stage/name``."""
        import numpy as np  # commands that only read a run do not need it

        board = self._board(stage)
        for name, text in page.texts.items():
            board.add_text(f"{stage}/{name}", text, step)
        for name, values in page.histograms.items():
            board.add_histogram(f"{stage}/{name}", np.asarray(values), step)

    def rewind(self, stage: str, step: int) -> None:
        """Drop the stage's lines after ``step``; a stage that resumes there writes them again."""
        kept = [line for line in read_metrics(self._folder) if line["stage"] != stage or line["step"] <= step]
        self._lines.close()
        write_text(self._file, "".join(json.dumps(line) + "\n" for line in kept))
        self._lines = self._file.open("a", encoding="utf-8")
        self._close_board(stage)
        if any((self._folder / "tensorboard").glob(f"{stage}/*")):
            self._boards[stage] = self._new_board(stage, purge_step=step + 1)

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        for stage in list(self._boards):
            self._close_board(stage)

    def _board(self, stage: str) -> SummaryWriter:
        if stage not in self._boards:
            self._boards[stage] = self._new_board(stage)
        return self._boards[stage]

    def _new_board(self, stage: str, purge_step: int | None = None) -> SummaryWriter:
        from tensorboardX import SummaryWriter  # imports torch if it is installed, which takes seconds

        # Each stage has its own folder, since TensorBoard's purge removes every tag of a folder.
        # Event files are named by the second; the suffix keeps two writers of one second apart, and in order.
        return SummaryWriter(
            str(self._folder / "tensorboard" / stage),
            purge_step=purge_step,
            flush_secs=10,
            filename_suffix=f".{time.time_ns()}",
        )

    def _close_board(self, stage: str) -> None:
        board = self._boards.pop(stage, None)
        if board is not None:
            board.close()

    def _cut_torn_line(self) -> None:
        if not self._file.is_file():
            return
        content = self._file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._file.open("rb+") as stream:
                stream.truncate(whole)


def _number(value: float) -> float | None:
    number = value if isinstance(value, int) else float(value)
    return number if math.isfinite(number) else None


def _parse(line: str, file: Path, number: int) -> dict[str, Any]:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise RunError(f"{file}, line {number}: not JSON ({error}). Delete the line to go on without it") from error
