"""``status``, ``tensorboard``, ``fetch`` and ``doctor``: commands that watch runs and the machine."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ecr_rl.commands.completion import folders
from ecr_rl.commands.options import Json, Run
from ecr_rl.commands.output import show, working
from ecr_rl.config import RunConfig
from envs.errors import RunError
from envs.files import user_path


def status(
    run: Run,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds until the run ends.")] = False,
    json: Json = False,
) -> None:
    """Say where a run stands: stage, progress, ETA, workers.

    It reads the run folder alone, from any machine that sees it.
    """
    from ecr_rl.runs.status import headline, read_status, status_view
    from ecr_rl.runs.status import watch as watch_status

    if watch and json:
        raise typer.BadParameter("--watch shows many states and --json prints one object; take one of them")
    if not watch:
        now = read_status(run)
        show(asdict(now), json, status_view(now))
        return
    console = Console()
    if not console.is_terminal:
        for now in watch_status(run):
            typer.echo(headline(now))
        return
    with Live(console=console, auto_refresh=False) as live:
        for now in watch_status(run):
            live.update(status_view(now), refresh=True)


def tensorboard(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A run's or a sweep's folder: what was given to --out.", autocompletion=folders()
        ),
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where it listens; 0: any free port.")] = 6006,
    host: Annotated[
        str, typer.Option("--host", help="Who reaches it; only this machine by default. It asks for no password.")
    ] = "127.0.0.1",
) -> None:
    """Show a run or a sweep in TensorBoard.

    It has figures, conversations and histograms, and of a sweep its settings too. It runs until Ctrl-C, also while the
    run goes on.
    """
    from ecr_rl.submission.server import is_loopback

    folders = [run / name for name in ("search", "finals") if (run / name).is_dir()]
    shown_folder = run if folders else run / "tensorboard"
    if next(shown_folder.rglob("events.out.tfevents.*"), None) is None:
        raise RunError(f"{run}: nothing is logged there yet. Name the folder that was given to --out")
    if not is_loopback(f"[{host}]" if ":" in host else host):
        typer.echo(f"ecr-rl: everyone who reaches {host}:{port} can read {run}", err=True)
    command = ["-m", "tensorboard.main", "--logdir", str(shown_folder), "--port", str(port), "--host", host]
    os.execv(sys.executable, [sys.executable, *command])  # in this one's place: Ctrl-C reaches it


def fetch(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The copy: what the run's setting mirror says.")],
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The run folder to make.")],
) -> None:
    """Fetch the copy of a run that went to its mirror."""
    from ecr_rl.runs.mirror import Mirror

    with working():
        Mirror(address).pull(folder)
    typer.echo(str(folder))


def doctor(
    cache: Annotated[
        Path | None, typer.Option("--cache", help="The cache of the runs to come.", show_default=str(RunConfig().cache))
    ] = None,
    json: Json = False,
) -> None:
    """Say what this machine has and lacks, and what that costs.

    The exit code is 1 when something needed is missing.
    """
    with working():
        from ecr_rl.doctor import examine

        checks = examine(user_path(cache or RunConfig().cache).absolute())
    table = Table("", "what", "found", "what its lack costs", box=None, pad_edge=False)
    marks = {"ok": "ok", "note": "note", "missing": "MISSING"}
    for check in checks:
        table.add_row(marks[check.level], check.name, check.found, check.cost)
    complete = all(check.level != "missing" for check in checks)
    show({"ok": complete, "checks": [asdict(check) for check in checks]}, json, table)
    if not complete:
        raise typer.Exit(1)
