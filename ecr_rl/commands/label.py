"""``label``, ``label import`` and ``label merge``: the labels that a critic learns from."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ecr_rl.cluster_address import answering_cluster
from ecr_rl.commands.options import Acts, ConfigOption, Json, Metadata, Set, Source, examples, part_option, settings_of
from ecr_rl.commands.output import show, working
from ecr_rl.config import RunConfig, with_given
from ecr_rl.labels.judging.registry import JUDGES
from ecr_rl.settings import ContextForm
from ecr_rl.tables import shown
from envs.errors import ConfigError, ModelError
from envs.inputs.text import printable

if TYPE_CHECKING:
    from ecr_rl.labels.prepared_judge import PlannedLabels

app = typer.Typer()

New = Annotated[Path, typer.Option("--out", help="The label folder to make.")]
Many = Annotated[int | None, typer.Option("--count", min=1, help="Replies to label, at most, over all splits.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a folder that exists: label what is missing.")]
Form = Annotated[
    ContextForm | None,
    typer.Option("--context", help="What the judge is told: the words and film facts, or emotions and tastes too."),
]


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "ecr-rl label --source redial_dataset.zip --judge rubric --out labels/rubric",
        "ecr-rl label --config demo --count 2000 --out labels/sample",
        "ecr-rl label --judge transformers --model smollm2 --prompt my_prompt.txt --out labels/strict",
        "ecr-rl label --out labels/rubric --resume",
        "ecr-rl label merge labels/rubric labels/people --out labels/both",
    ),
)
def label(
    context: typer.Context,
    source: Source = None,
    judge: Annotated[
        str | None,
        part_option(
            "--judge",
            JUDGES,
            "Who judges: formulas, offline; a chat model here; one behind an endpoint; or module:Class.",
            show_default="the config's",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Of transformers: smollm2, qwen-1.5b, a folder or hub id. Of openai: its name."),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Of openai: base URL; key in OPENAI_API_KEY.")
    ] = None,
    prompt: Annotated[
        Path | None,
        typer.Option(
            "--prompt",
            help="Of transformers and openai: a text file that says what to do; {questions} in it becomes the heads' "
            "questions.",
        ),
    ] = None,
    four_bit: Annotated[bool, typer.Option("--four-bit", help="Of transformers: hold the model in nf4.")] = False,
    reading: Annotated[
        Literal["expectation", "text"] | None,
        typer.Option("--reading", help="Of transformers: mean over the score tokens, or the scores it writes."),
    ] = None,
    max_new: Annotated[
        int | None,
        typer.Option(
            "--max-new",
            min=1,
            help="Of transformers and openai: tokens of an answer, at most; a model that thinks needs some thousand.",
            show_default="the config's",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Label although the preflight refuses the judge.")] = False,
    form: Form = None,
    out: Annotated[Path | None, typer.Option("--out", help="The label folder to make.", show_default=False)] = None,
    config: ConfigOption = "redial-cpu",
    count: Many = None,
    policy: Annotated[
        bool | None,
        typer.Option("--policy/--no-policy", help="Label replies of the supervised policy, too; it is trained first."),
    ] = None,
    emotions: Annotated[
        str | None, typer.Option("--emotions", help="lexicon, hub, or a GoEmotions folder to learn emotions from.")
    ] = None,
    acts: Acts = None,
    sentences: Annotated[
        str | None,
        typer.Option("--sentences", help="words, minilm, a folder or a hub id: to tell likeness by."),
    ] = None,
    metadata: Metadata = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Dialogues of each split, at most.")] = None,
    shards: Annotated[
        int | None,
        typer.Option("--shards", min=1, help="Files to spread the rows over.", show_default="1000 rows each"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="Judges at work side by side.", show_default="rubric: one a core"),
    ] = None,
    resume: Resume = False,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Label replies on heads, for the critic to learn from.

    They are human ones, and others of known kinds. DIR gets Parquet shards, labels.json and a card. A killed command
    goes on with --resume: nothing is lost, and nothing is there twice.
    """
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise typer.BadParameter("say where the labels go", param_hint="--out")
    if model == "":
        raise ConfigError("--model is empty: name a model, or leave the option out")
    settings = settings_of(config, changes, source=source, limit=limit, metadata=metadata)
    readers = {"emotions": emotions, "acts": acts, "sentences": sentences}
    instruments = with_given(settings.labels, "instruments", **readers).instruments
    given = {"judge": judge, "model": model, "endpoint": endpoint, "prompt": prompt and str(prompt)}
    given |= {"four_bit": four_bit or None, "reading": reading, "max_new": max_new, "context": form}
    given |= {"count": count, "policy": policy, "instruments": instruments, "more_judges": () if judge else None}
    settings = with_given(settings, "labels", **given)
    answering_cluster()
    with working():
        begun = time.monotonic()
        facts = _label(settings, out, shards, workers, resume, force, _command(context))
    counts = facts["counts"]
    result = {"folder": str(out), **{name: counts[name] for name in ("n", "kinds", "splits", "failed", "flagged")}}
    show({**result, "seconds": round(time.monotonic() - begun, 1)}, json, _counted(out, counts))


@app.command(
    "import",
    epilog=examples(
        "ecr-rl label import part-1.jsonl part-2.jsonl --out labels/people",
        "ecr-rl label import gpt4.jsonl --out labels/gpt4 --json",
    ),
)
def import_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSON-lines files: the parts of one data set.")
    ],
    out: New,
    config: ConfigOption = "redial-cpu",
    changes: Set = None,
    json: Json = False,
) -> None:
    """Take in labels made elsewhere.

    \b
    Each line is an object:
      context    ["seeker: ...", "recommender: ..."]: the turns before, may be empty
      response   the text that is judged
      scores     {"empathy": 0.5, "bleu": null}: head of the config to a number from 0 to 1, or null; heads may be
                 left out
      judge      who scored (default: import)
      kind       how the response came to be (default: human)
      split      train, valid or test (default: train)
      dialogue   number or text that the lines of one dialogue share
      reference  the human's response at this place
      key        the example's key, for merging with labels of the same example

    Lines that cannot be used are named by file, line and field; all of them stand in DIR/rejects.jsonl.
    """  # noqa: D301 (the backspace is for the help's formatter, and no raw string has one)
    with working():
        from ecr_rl.labels.storage.importing import REJECTS, SHOWN, import_labels

        heads = settings_of(config, changes).head_definitions
        command = shlex.join(["ecr-rl", "label", "import", *map(str, files), "--out", str(out)])
        made = import_labels(files, out, heads, command)
        _tell_rejects([str(reject) for reject in made.rejects[:SHOWN]], len(made.rejects), out / REJECTS)
        if made.passed_over:
            fields = ", ".join(f"{name} ({n} lines)" for name, n in made.passed_over.items())
            typer.echo(f"fields passed over: {printable(fields)}", err=True)
    counts = made.facts["counts"]
    result: dict[str, Any] = {"folder": str(out), "n": counts["n"], "rejected": len(made.rejects)}
    result |= {"kinds": counts["kinds"], "splits": counts["splits"], "passed_over": dict(made.passed_over)}
    show(result, json, _counted(out, counts))


@app.command(
    epilog=examples(
        "ecr-rl label merge labels/rubric labels/mistral --out labels/both",
        "ecr-rl label merge labels/rubric labels/mistral --weight 1 --weight 3 --out labels/both --json",
    )
)
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Label folders, one a judge; two or more.")],
    out: New,
    weights: Annotated[
        list[float] | None,
        typer.Option("--weight", min=0, help="Of one judge; repeated, one for each DIR.", show_default="equal ones"),
    ] = None,
    json: Json = False,
) -> None:
    """Join the labels of several judges, and say how far they agree.

    A reply's score is the weighted mean of the judges that know it. DIR/agreement.json has, for each pair of judges and
    each head, Pearson, Spearman and Cohen's kappa with quadratic weights on five bins.
    """
    with working():
        from ecr_rl.labels.storage.merging import merge as merge_folders

        report = merge_folders(folders, out, weights or ())
        for entry in report["rejected"]["named"]:
            typer.echo(f"rejected: {entry['key']}: the folders differ in {entry['column']}", err=True)
    show({"folder": str(out), "n": report["joined"], **report}, json, _agreed(out, report))


def _label(
    settings: RunConfig, out: Path, shards: int | None, workers: int | None, resume: bool, force: bool, command: str
) -> dict[str, Any]:
    from ecr_rl.labels.labelling import label_examples
    from ecr_rl.labels.prepared_judge import check_judge
    from ecr_rl.pipeline import Pipeline
    from ecr_rl.runs.folder import RunFolder

    if settings.labels.more_judges:
        raise ConfigError(
            "the config names several judges, and ecr-rl label asks one: say which by --judge, and join the folders by "
            "ecr-rl label merge. ecr-rl critic train asks all of them"
        )
    check_judge(settings.labels)
    with RunFolder.create(out, settings, resume) as run:
        pipeline = Pipeline(settings, run)
        planned = pipeline.planned_labels()[0]
        pipeline.write_known(out)
        _try(planned, force)
        with run.stage("labels", len(planned.plan.rows)) as stage:
            return label_examples(
                planned.plan,
                out,
                workers=workers or planned.judge.workers,
                gpus_per_worker=planned.judge.gpus,
                shards=shards,
                resume=resume,
                on_step=stage.update,
                command=command,
            )


def _try(planned: PlannedLabels, force: bool) -> None:
    """Try the judge on a few replies, tell what was seen, and refuse a judge that is of no use."""
    tried = planned.try_judge()
    if tried is None:
        return
    typer.echo(tried.line(len(planned.plan.rows)), err=True)
    if tried.refusal and not force:
        raise ModelError(f"the judge is refused: {tried.refusal}. Choose another, or add --force")


def _command(context: typer.Context) -> str:
    """The command line again, without what only steers this call."""
    words = ["ecr-rl", "label"]
    for option in context.command.params:
        value = context.params.get(option.name or "")
        if option.name in ("resume", "force", "json") or value is None or value == option.get_default(context):
            continue
        if value is False:
            words += option.secondary_opts[:1]
            continue
        for one in value if isinstance(value, list | tuple) else [value]:
            words += [option.opts[0]] if one is True else [option.opts[0], str(one)]
    return shlex.join(words)


def _tell_rejects(shown: list[str], count: int, file: Path) -> None:
    for line in shown:
        typer.echo(f"rejected: {printable(line)}", err=True)
    if count > len(shown):
        typer.echo(f"and {count - len(shown)} more; all {count} stand in {file}", err=True)


def _counted(out: Path, counts: dict[str, Any]) -> Group:
    rows = Table("kind", "replies", "share", title=f"{counts['n']:,} labelled replies", title_justify="left")
    for kind, n in counts["kinds"].items():
        rows.add_row(Text(printable(kind)), f"{n:,}", f"{n / counts['n']:.1%}")
    heads = Table("head", "labelled", "mean", "std")
    for head, figures in counts["heads"].items():
        heads.add_row(head, f"{figures['known']:.1%}", shown(figures["mean"]), shown(figures["std"]))
    failed = sum(counts["failed"].values())
    return Group(rows, heads, Text(f"{failed:,} failed, {counts['flagged']:,} flagged\nCard: {out / 'README.md'}"))


def _agreed(out: Path, report: dict[str, Any]) -> Group:
    tables = []
    for pair in report["pairs"]:
        table = Table("head", "both know", "Pearson", "Spearman", "weighted kappa", title=" and ".join(pair["judges"]))
        for head, figures in pair["heads"].items():
            cells = [shown(figures[name]) for name in ("pearson", "spearman", "kappa")]
            table.add_row(head, f"{figures['n']:,}", *cells)
        tables.append(table)
    alone = ", ".join(f"{n:,} of {judge} alone" for judge, n in report["alone"].items())
    line = f"{report['joined']:,} replies joined; {alone}; {report['rejected']['n']:,} rejected\nLabels: {out}"
    return Group(*tables, Text(line))
