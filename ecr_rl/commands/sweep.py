"""``sweep``: many trainings under drawn settings, and what they say of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ecr_rl.commands.completion import sweep_names
from ecr_rl.commands.options import Json, Resume, Set
from ecr_rl.commands.output import show, working
from ecr_rl.config import find_profile, sweeps, with_given
from ecr_rl.tables import shown

if TYPE_CHECKING:
    from ecr_rl.report.sweep_record import SweepRecord


def sweep(
    config: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP",
            help=f"A sweep's YAML file, or a packaged one: {', '.join(sweeps())}.",
            autocompletion=sweep_names,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The sweep's folder to make.", show_default="runs/NAME")
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="So many trials, whatever the file says.")
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", min=0, help="So many final trainings of winner and equal weights each; 0: a search alone."
        ),
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="A Markdown page whose block `<!-- sweep NAME -->` gets the outcome.")
    ] = None,
    resume: Resume = False,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Train under many reward weights on Ray Tune.

    The best is compared with equal weights. A trial is judged by an evaluator that no trial is paid by, on validation
    dialogues. The winner is trained again under other seeds beside equal weights; both converse on the test dialogues.
    DIR gets sweep.json, trials.csv and report/index.html. A killed sweep goes on with --resume: no trial that finished
    is run again. -s changes a setting of the run that trials vary.
    """
    from ecr_rl.sweep.settings import load_sweep

    settings = with_given(with_given(load_sweep(config), "search", trials=trials), "final", seeds=seeds)
    run = settings.run_config(tuple(changes or ()), find_profile(config, "sweep"))
    folder = out or Path("runs") / settings.name
    with working():
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.sweep.sweep import run_sweep

        check_block(into, "sweep", settings.name)
        result = run_sweep(settings, run, folder, resume)
        if into is not None:
            from ecr_rl.report.sweep_report import outcome

            insert_block(into, "sweep", settings.name, outcome(folder))
    show(result.to_json(), json, _view(result, folder))


def _view(result: SweepRecord, folder: Path) -> Table:
    table = Table(title=f"{len(result.trials)} trials, best first; {folder}/report/index.html", title_justify="left")
    columns = ("trial", "status", "iterations", "objective", "kl", "dist2", "violates")
    for column in columns:
        table.add_column(column, justify="left" if column in ("trial", "status", "violates") else "right")
    for trial in result.best_first:
        figures = (trial.objective, trial.figures.kl, trial.figures.dist2)
        table.add_row(
            trial.trial, trial.status, str(trial.iterations), *map(shown, figures), ", ".join(trial.figures.violates)
        )
    return table
