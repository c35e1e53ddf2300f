"""``bench``: how fast parts of the platform are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecr_rl.commands.completion import folders
from ecr_rl.commands.former_option import former_option
from ecr_rl.commands.options import ConfigOption, Json, Set, Source, examples, settings_of
from ecr_rl.commands.output import show, shown_progress, working
from ecr_rl.commands.parts import CARDS, part_of

app = typer.Typer(help="Measure the speed of a part.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Speed of a part: the critic beside its bare floor, the recommender a dialogue."""


@app.command(
    cls=former_option("--critic"),
    epilog=examples(
        "ecr-rl bench critic --json",
        "ecr-rl bench critic critics/rubric --rounds 9",
        "ecr-rl bench critic -s critic.members=5",
    ),
)
def critic(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="CRITIC",
            help="A critic's folder, or a run folder.",
            show_default="an untrained one of --config",
            autocompletion=folders(CARDS["critic"]),
        ),
    ] = None,
    config: ConfigOption = "redial-cpu",
    count: Annotated[int, typer.Option("--count", min=1, help="Replies of the embedded corpus.")] = 512,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Alternations.")] = 5,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Time the scoring of replies beside the bare forward passes of the same members on the same batch."""
    settings = settings_of(config, changes)
    with working():
        from ecr_rl.benches.critic import bench_critic

        part = None if folder is None else part_of(folder, "critic")
        with shown_progress("bench critic") as on_step:
            figures = bench_critic(part, settings.critic, count, rounds, on_step)
    show(figures, json)


@app.command(
    cls=former_option("--recommender"),
    epilog=examples(
        "ecr-rl bench recommend --json",
        "ecr-rl bench recommend recommenders/redial --source redial_dataset.zip --count 2000",
        "ecr-rl bench recommend -s recommender.width=64",
    ),
)
def recommend(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECOMMENDER",
            help="A recommender's folder, or a run folder.",
            show_default="one of --config, trained on the source first",
            autocompletion=folders(CARDS["recommender"]),
        ),
    ] = None,
    source: Source = None,
    config: ConfigOption = "demo",
    count: Annotated[int, typer.Option("--count", min=1, help="Contexts that are timed.")] = 500,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Time one dialogue's top 50 over the whole catalogue on one thread, context after context.

    Contexts come from the source's test dialogues. numpy's own threads are bounded by OMP_NUM_THREADS=1 in the
    environment; the output says whether it was set.
    """
    settings = settings_of(config, changes, source=source)
    with working():
        from ecr_rl.benches.recommender import bench_recommender
        from envs.corpora.corpus import load_corpus

        part = None if folder is None else part_of(folder, "recommender")
        corpus = load_corpus(settings.data, settings.cache_folder)
        with shown_progress("bench recommend") as on_step:
            figures = bench_recommender(part, corpus, settings.recommender, count, on_step)
    show(figures, json)
