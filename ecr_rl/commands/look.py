"""``status`` and ``doctor``: commands that only look."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from ecr_rl.commands.options import Json, Run
from ecr_rl.commands.output import show, working
from ecr_rl.config import RunConfig


def status(
    run: Run,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every two seconds until the run ends.")] = False,
    json: Json = False,
) -> None:
    """Say where a run stands: stage, progress, ETA, workers.

    It reads the run folder alone, from any machine that sees it.

    """
    from ecr_rl.status import headline, read_status, status_view
    from ecr_rl.status import watch as watch_status

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

        checks = examine((cache or RunConfig().cache).expanduser().absolute())
    table = Table("", "what", "found", "what its lack costs", box=None, pad_edge=False)
    marks = {"ok": "ok", "note": "note", "missing": "MISSING"}
    for check in checks:
        table.add_row(marks[check.level], check.name, check.found, check.cost)
    complete = all(check.level != "missing" for check in checks)
    show({"ok": complete, "checks": [asdict(check) for check in checks]}, json, table)
    if not complete:
        raise typer.Exit(1)
