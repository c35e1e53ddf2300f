"""``bench``: how fast parts of the platform are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecr_rl.commands.options import Json, examples
from ecr_rl.commands.output import show, shown_progress, working

app = typer.Typer(help="Speed of a part.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Speed of a part: the critic beside its bare floor, the recommender a dialogue."""


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
        from ecr_rl.benches.critic import bench_critic

        with shown_progress("bench critic") as on_step:
            figures = bench_critic(folder, count, rounds, on_step)
    show(figures, json)


@app.command(
    epilog=examples(
        "ecr-rl bench recommend --json",
        "ecr-rl bench recommend --recommender recommenders/redial --source redial_dataset.zip --count 2000",
    )
)
def recommend(
    folder: Annotated[
        Path | None,
        typer.Option("--recommender", help="A recommender's folder.", show_default="a small one of the source"),
    ] = None,
    source: Annotated[str, typer.Option("--source", help="Its test dialogues are the contexts.")] = "sample",
    count: Annotated[int, typer.Option("--count", min=1, help="Contexts that are timed.")] = 500,
    json: Json = False,
) -> None:
    """One dialogue's top 50 over the whole catalogue on one thread, context after context.

    numpy's own threads are bounded by OMP_NUM_THREADS=1 in the environment; the output says whether it was set.
    """
    with working():
        from ecr_rl.benches.recommender import bench_recommender

        with shown_progress("bench recommend") as on_step:
            figures = bench_recommender(folder, source, count, on_step)
    show(figures, json)
