"""``bench``: parts of the platform beside their bare floor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecr_rl.commands.options import Json, examples
from ecr_rl.commands.output import show, shown_progress, working

app = typer.Typer(help="Speed of a part beside its bare floor, both alternating in one run.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Speed of a part beside its bare floor, both alternating in one run."""


@app.command(epilog=examples("ecr-rl bench critic --json", "ecr-rl bench critic --critic critics/rubric --rounds 9"))
def critic(
    folder: Annotated[
        Path | None, typer.Option("--critic", help="A critic's folder.", show_default="MiniLM's shape, untrained")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Replies of the embedded corpus.")] = 512,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Alternations.")] = 5,
    json: Json = False,
) -> None:
    """Scoring of replies beside the bare forward passes of the same members on the same batch."""
    with working():
        from ecr_rl.bench import bench_critic

        with shown_progress("bench critic") as on_step:
            figures = bench_critic(folder, count, rounds, on_step)
    show(figures, json)
