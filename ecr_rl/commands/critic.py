"""``critic train`` and ``critic evaluate``: the six-head reward model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from ecr_rl.commands.options import Config, Json, Out, Resume, Run, Set, examples
from ecr_rl.commands.output import show, working
from ecr_rl.commands.run import build_part
from ecr_rl.config import load_config

app = typer.Typer(help="The six-head critic: PPO's reward model.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "ecr-rl critic train demo --out runs/demo-critic",
        "ecr-rl critic train redial-cpu -s data.source=redial_dataset.zip -s critic.steps=1000",
    )
)
def train(config: Config, out: Out = None, resume: Resume = False, changes: Set = None, json: Json = False) -> None:
    """Train the critic alone; print its held-out R2 by head.

    The critic goes into the artefact cache, where a later train with the same settings finds it.
    """
    settings = load_config(config, changes or [])
    build_part(settings, out or Path("runs") / f"{settings.name}-critic", resume, json, lambda made: made.critic())


@app.command(
    epilog=examples("ecr-rl critic evaluate runs/demo", "ecr-rl critic evaluate runs/demo-critic --split valid --json")
)
def evaluate(
    run: Run,
    split: Annotated[
        Literal["valid", "test"], typer.Option("--split", help="Dialogues that the critic was not trained on.")
    ] = "test",
    json: Json = False,
) -> None:
    """Hold a run's critic out on fresh labels.

    For each head: R2, the R2 of reply length alone, rank correlation and mean absolute error.
    """
    with working():
        from ecr_rl.runs import RunFolder

        with RunFolder.create(run, RunFolder.open(run).config, resume=True) as folder:
            from algorithms.critic import Critic
            from ecr_rl.pipeline import Pipeline
            from ecr_rl.training.critic import evaluate_critic

            pipeline = Pipeline(folder.config, folder)
            critic = Critic.load(pipeline.critic())
            with folder.stage("critic-evaluation", 1) as stage:
                figures = evaluate_critic(pipeline.corpus(), critic, split, folder.config.critic.seed)
                stage.update(1, 1, {})
    table = Table(title=f"critic on {figures['n']} examples of {split}", title_justify="left")
    for column in ("head", "R2", "R2 of length alone", "Spearman", "mean absolute error"):
        table.add_column(column, justify="left" if column == "head" else "right")
    for head, row in figures["heads"].items():
        table.add_row(head, *(f"{row[name]:.3f}" for name in ("r2", "r2_length", "spearman", "mae")))
    show(figures, json, table)
