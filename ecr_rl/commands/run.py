"""``demo``, ``train``, ``evaluate``, ``report``, ``results``: the commands that make, fill and read run folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from algorithms.chat.seekers import SEEKERS
from ecr_rl.commands.completion import folders
from ecr_rl.commands.options import Config, Json, Out, Resume, Run, Set, part_option, seed_option
from ecr_rl.commands.output import report_table, show, working
from ecr_rl.commands.parts import CARDS, figures_of
from ecr_rl.config import RunConfig, config_yaml, load_config
from envs.errors import ConfigError

if TYPE_CHECKING:
    from ecr_rl.pipeline import Pipeline
    from ecr_rl.report.record import Report
    from ecr_rl.runs.folder import RunFolder

Seed = Annotated[
    int | None,
    seed_option("Seed of training, evaluation and samples; the corpus keeps its own (data.seed)."),
]
Into = Annotated[
    Path | None,
    typer.Option("--into", help="A Markdown page whose block `<!-- report NAME -->` gets the table of figures."),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print the resolved config, parameter counts and memory of each worker, and stop."),
]


def demo(
    out: Annotated[Path, typer.Option("--out", help="The run folder to make.")] = Path("runs/demo"),
    seed: Seed = None,
    resume: Resume = False,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Run the main job on the embedded corpus, offline.

    It trains a critic, a supervised policy and PPO on conversations, compares the two policies on held-out dialogues
    and writes DIR/report/index.html. --json prints what DIR/report/report.json says.
    """
    seeds = [] if seed is None else [f"{key}={seed}" for key in ("seed", "critic.seed", "supervised.seed")]
    _run_all(load_config("demo", [*seeds, *(changes or [])]), out, resume, json)


def train(
    config: Config,
    out: Out = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Run everything that a config describes.

    \b
    Stages in their order, and the config's sections that decide them:
      data                 dialogues and films                 data
      recommender          which films are proposed            recommender
      responder            supervised policy, PPO's start      policy, supervised
      labels               replies scored on the heads         heads, people, labels
      critic               learns the scores, pays PPO         critic
      reporting_evaluator  judges at the end, never pays
      people_reporting     the same, by people's ratings       people
      selecting_evaluator  chooses the iteration to keep
      people_selecting     may not find it worse               people
      ppo                  learns from whole conversations     ppo, env, reward
      evaluation           policies on held-out dialogues      evaluation
      report               index.html, report.json, plots

    All read resources. Beside them stand name, seed, cache and mirror. --dry-run prints every key with its value. A
    stage that is done is not done again: parts that runs share lie in the cache, and a killed run goes on from its last
    checkpoint with the same command and --resume.

    The run folder gets the resolved config, metrics, TensorBoard scalars, checkpoints, the trained model and the
    report.
    """  # noqa: D301 (the backspace is for the help's formatter, and no raw string has one)
    settings = load_config(config, changes or [])
    if dry_run:
        _dry_run(settings, json)
    else:
        _run_all(settings, out or Path("runs") / settings.name, resume, json)


def evaluate(
    run: Run,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            help="Another run folder, or a responder's folder, to stand beside.",
            show_default="the run's supervised policy",
            autocompletion=folders(CARDS["responder"]),
        ),
    ] = None,
    best_of: Annotated[
        int, typer.Option("--best-of", min=1, help="The baseline says the best of so many replies by the critic.")
    ] = 1,
    seeker: Annotated[
        str | None,
        part_option(
            "--seeker",
            SEEKERS,
            "Another seeker than the run's; module:Class for an own one.",
            show_default="the run's own",
        ),
    ] = None,
    dialogues: Annotated[
        int | None,
        typer.Option(
            "--dialogues",
            min=1,
            help="Dialogues to converse on, spread evenly over the test split.",
            show_default="the run's evaluation.dialogues",
        ),
    ] = None,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Compare trained and supervised policy on held-out dialogues.

    The baseline is the run's supervised policy, or the one of --baseline.

    Seekers, judges and settings are the run's own; -s changes one that a resumed run may change, for good. A run whose
    training has not finished is trained to its end first. Figures come with paired bootstrap intervals. The
    conversations are written to RUN/evaluation, or with --baseline, --best-of, --seeker or --dialogues to RUN/against.
    """
    with working(), _reopened(run, changes) as folder:
        from ecr_rl.pipeline import Pipeline

        pipeline = Pipeline(folder.config, folder)
        if baseline is None and best_of == 1 and seeker is None and dialogues is None:
            folder.forget("evaluation", "report")
            figures = pipeline.evaluate()
        else:
            figures = pipeline.evaluate_against(baseline, best_of, seeker, dialogues)
    show(figures, json)


def report(run: Run, into: Into = None, changes: Set = None, json: Json = False) -> None:
    """Write a run's report anew from its evaluation.

    It goes to RUN/report: index.html, report.json and the plots.
    """
    with working(), _reopened(run, changes) as folder:
        from ecr_rl.report.insert import check_block, insert_report
        from ecr_rl.report.report import write_report_of

        check_block(into, "report", folder.config.name)
        written = write_report_of(folder)
        if into is not None:
            insert_report(into, folder.config.name, written, folder.config.head_definitions)
    _show_report(written, run, json)


def results(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders that were evaluated.", autocompletion=folders()),
    ],
    into: Annotated[
        Path | None, typer.Option("--into", help="A Markdown page whose block `<!-- results NAME -->` gets the table.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="NAME of that block.")] = "runs",
    against: Annotated[
        str | None, typer.Option("--against", help="The folder in RUN/against to read, in place of RUN/evaluation.")
    ] = None,
    seed: Annotated[int, seed_option("Draws the resamples.")] = 0,
    json: Json = False,
) -> None:
    """Compare baseline and RL over several runs, such as seeds.

    The runs were evaluated on the same dialogues; one in which a seeker failed in some run is left out of all.
    Intervals are over runs and dialogues. What language models said of the runs (ecr-rl judge) stands in a table of its
    own.
    """
    with working():
        from ecr_rl.evaluation.conversations.over_runs import compare_runs
        from ecr_rl.evaluation.conversations.records import read_records
        from ecr_rl.evaluation.language_judge.result import current
        from ecr_rl.evaluation.language_judge.tables import judged_runs_table
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.report.results_table import results_table
        from ecr_rl.runs.folder import RunFolder
        from ecr_rl.tables import markdown_tables

        check_block(into, "results", name)
        opened = [RunFolder.open(run) for run in runs]
        if len({run.config.heads for run in opened}) > 1:
            raise ConfigError("the runs score different heads. Compare runs whose setting heads is the same")
        folders, heads = [run.path for run in opened], opened[0].config.head_definitions
        records_of = [run / "evaluation" if against is None else run / "against" / against for run in folders]
        pairs = [(read_records(each / "baseline.jsonl"), read_records(each / "rl.jsonl")) for each in records_of]
        result = compare_runs(pairs, heads, seed=seed)
        table = results_table(result, [run.name for run in folders], heads)
        judged = {run.name: current(run, against) for run in folders}
        if any(judged.values()):
            table += f"\n{markdown_tables([judged_runs_table(judged)])}"
        if into is not None:
            insert_block(into, "results", name, table)
    told = {name: [each.to_json() for each in judgements] for name, judgements in judged.items()}
    show({**result.to_json(), "judged": told}, json, Text(table))


def build_part(settings: RunConfig, out: Path, resume: bool, json: bool, part: Callable[[Pipeline], Path]) -> None:
    """Build one artefact in a run folder and print where it lies and its figures."""
    with working():
        from ecr_rl.pipeline import Pipeline
        from ecr_rl.runs.folder import RunFolder

        with RunFolder.create(out, settings, resume) as folder:
            made = part(Pipeline(settings, folder))
    show({"folder": str(made), "figures": figures_of(made)}, json)


def _run_all(settings: RunConfig, out: Path, resume: bool, json: bool) -> None:
    with working():
        from ecr_rl.pipeline import Pipeline
        from ecr_rl.runs.folder import RunFolder
        from ecr_rl.training.preconditions import check_preconditions

        check_preconditions(settings)
        with RunFolder.create(out, settings, resume) as folder:
            written = Pipeline(settings, folder).report()
    _show_report(written, out, json)


def _show_report(report: Report, run: Path, json: bool) -> None:
    show(report.to_json(), json, Group(report_table(report), Text(f"Report: {run / 'report' / 'index.html'}")))


def _reopened(run: Path, changes: Sequence[str] | None) -> RunFolder:
    from ecr_rl.runs.folder import RunFolder

    return RunFolder.create(run, RunFolder.open(run, changes or ()).config, resume=True)


def _dry_run(settings: RunConfig, json: bool) -> None:
    with working():
        from ecr_rl.estimate import estimate
        from ecr_rl.labels.judging.cost import labelling_costs

        needs, costs = estimate(settings), labelling_costs(settings.labels, settings.head_definitions)
    lines = [config_yaml(settings), "parameters:"]
    lines += [f"  {name}: {count:,}" for name, count in needs.as_json()["parameters"].items()]
    lines.append("memory of each worker, at most:")
    lines += [
        f"  {worker.kind} x {worker.count} ({worker.device}): {worker.bytes / 2**30:.2f} GiB"
        for worker in needs.workers
    ]
    if costs:
        lines.append("labelling by language models, roughly and at most:")
    lines += [
        f"  {f'{cost.judge} {cost.model}'.rstrip()}: {cost.prompts:,} prompts of {cost.prompt_tokens:,} tokens in all, "
        f"answers of {cost.answer_tokens:,}"
        for cost in costs
    ]
    told = {**needs.as_json(), "labelling": [asdict(cost) for cost in costs]}
    show({"config": settings.model_dump(mode="json"), **told}, json, Text("\n".join(lines)))
