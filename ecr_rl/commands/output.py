"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table

from ecr_rl.runs.progress import make_display
from ecr_rl.tables import TextTable, by_chance, with_interval
from envs.files import json_text
from envs.inputs.text import whole
from envs.progress import OnStep

if TYPE_CHECKING:
    from ecr_rl.report.record import Report

PIPE_WIDTH = 120
"""Characters a line where stdout is not a terminal."""
NOISY = {
    "httpx": logging.WARNING,
    "filelock": logging.WARNING,
    "fsspec": logging.WARNING,
    "urllib3": logging.WARNING,
    "ray.rllib.algorithms.algorithm_config": logging.ERROR,  # warns of the API stack that we chose
}
"""Loggers whose everyday messages are nothing to a user, and the level they speak from."""


def replace_unencodable() -> None:
    """Let stdout show ``?`` for what its encoding does not have, in place of a traceback; stderr shows an escape."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Within it, whatever is written to stdout goes to stderr, by C libraries and child processes too.

    A command computes inside and prints its result after it.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name, level in NOISY.items():
        logging.getLogger(name).setLevel(level)
    with contextlib.redirect_stdout(sys.stderr), _descriptor_to_stderr():
        yield


@contextlib.contextmanager
def shown_progress(name: str) -> Iterator[OnStep]:
    """A progress bar of one stage without a run folder."""
    display, begun, started = make_display(), time.monotonic(), False

    def update(done: int, total: int, figures: Any) -> None:
        nonlocal started
        if not started:
            display.start(name, total)
            started = True
        spent = time.monotonic() - begun
        display.update(done, total, figures, spent / done * (total - done) if done else None)

    yield update
    if started:
        display.finish("done", time.monotonic() - begun)


def show(value: Any, as_json: bool, view: RenderableType | None = None) -> None:
    """Print a result: one JSON object, or its view for a person (the JSON, indented, where there is none)."""
    if as_json:
        show_json(json_text(value) + "\n")
    elif view is None:
        typer.echo(json_text(value, indent=2))
    else:
        console = Console()
        wide = console if console.is_terminal else Console(width=PIPE_WIDTH)
        wide.print(view, markup=False)


def show_json(text: str) -> None:
    """Print lines of JSON as UTF-8, whatever stdout's encoding."""
    typer.echo(whole(text).encode("utf-8"), nl=False)


def rich_table(content: TextTable) -> Table:
    """A table for a terminal, its note below it; the names of the rows stay whole."""
    first, *others = content.columns
    table = Table(title=content.title, caption=content.note, title_justify="left", caption_justify="left")
    table.add_column(first, no_wrap=True)
    for column in others:
        table.add_column(column, justify="right", overflow="fold")
    for row in content.rows:
        table.add_row(*row)
    return table


def report_table(report: Report) -> Table:
    """The figures of ``report.json`` side by side, with 95 % intervals."""
    table = Table(
        title=f"{report.n} held-out dialogues, mean [95 % interval]",
        caption=by_chance(report.difference.values()),
        title_justify="left",
        caption_justify="left",
    )
    for column in ("figure", "baseline", "rl", "rl - baseline"):
        table.add_column(column, justify="left" if column == "figure" else "right", no_wrap=True)
    sections = (report.systems.baseline, report.systems.rl, report.difference)
    for name in report.difference:
        table.add_row(name, *(with_interval(section[name]) for section in sections))
    return table


@contextlib.contextmanager
def _descriptor_to_stderr() -> Iterator[None]:
    """Point descriptor 1 at descriptor 2, where stdout is a real file."""
    try:
        number = sys.__stdout__.fileno() if sys.__stdout__ is not None else -1
    except io.UnsupportedOperation:  # a captured stdout has no descriptor
        number = -1
    if number != 1:
        yield
        return
    sys.__stdout__.flush()  # pyright: ignore[reportOptionalMemberAccess]
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.__stdout__.flush()  # pyright: ignore[reportOptionalMemberAccess]
        os.dup2(kept, 1)
        os.close(kept)
