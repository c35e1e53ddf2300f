"""``seekers``: what scripted recommenders reach with a seeker, and ``seekers fidelity``: seekers beside people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Group
from rich.table import Table
from typer.core import TyperGroup

from algorithms.chat.seekers import SEEKERS
from ecr_rl.commands.completion import config_names, folders
from ecr_rl.commands.options import Acts, Json, Metadata, Set, Source, examples, part_option, settings_of
from ecr_rl.commands.output import rich_table, show, shown_progress, working
from ecr_rl.commands.parts import CARDS, part_of
from ecr_rl.config import RunConfig, with_given
from ecr_rl.tables import markdown_tables, with_interval

if TYPE_CHECKING:
    from ecr_rl.evaluation.conversations.seeker_rows import SeekerRows
    from envs.catalog import Catalog
    from envs.seekers.protocol import Seeker


class ConfigOrCommand(TyperGroup):
    """A command with the argument CONFIG that has commands of its own: their names are looked for first."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse a command line."""
        if not args or args[0] not in self.commands:
            return super().parse_args(ctx, args)
        super().parse_args(ctx, [])
        ctx._protected_args, ctx.args = args[:1], args[1:]
        return ctx.args


app = typer.Typer(cls=ConfigOrCommand)

Config = Annotated[
    str, typer.Argument(metavar="CONFIG", help="Takes the data and env settings.", autocompletion=config_names)
]
Many = Annotated[int, typer.Option("--dialogues", min=1, help="Dialogues at most, spread evenly over the split.")]
Split = Annotated[Literal["train", "valid", "test"], typer.Option("--split", help="Whose dialogues.")]


@app.callback(
    invoke_without_command=True,
    context_settings={"allow_interspersed_args": True},
    epilog=examples(
        "ecr-rl seekers demo",
        "ecr-rl seekers --source redial_dataset.zip --recommender recommenders/redial --json",
        "ecr-rl seekers demo --seeker model --dialogues 50 -s env.seeker_model.temperature=1.0",
        "ecr-rl seekers fidelity demo",
    ),
)
def seekers(
    context: typer.Context,
    config: Config = "redial-cpu",
    source: Source = None,
    metadata: Metadata = None,
    seeker: Annotated[
        str,
        part_option(
            "--seeker",
            SEEKERS,
            "Rules and sentences, or a model's words; module:Class for an own one.",
            metavar="profile|model",
        ),
    ] = "profile",
    recommender: Annotated[
        Path | None,
        typer.Option(
            "--recommender",
            help="A recommender's folder, or a run's: adds a row that names its best film.",
            autocompletion=folders(CARDS["recommender"]),
        ),
    ] = None,
    split: Split = "test",
    dialogues: Many = 300,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Let recommenders without a policy talk with a seeker.

    They name popular films, random films, or never a film. Success rate and average turns of each, with 95 %
    intervals over dialogues, are what a policy has to beat. Conversations whose seeker could not answer are counted and
    left out.
    """
    if context.invoked_subcommand is not None:
        return
    settings = settings_of(config, changes, source=source, metadata=metadata)
    settings = with_given(settings, "env", seeker=seeker)
    with working():
        from ecr_rl.evaluation.conversations.seeker_rows import scripts, seeker_rows
        from envs.corpora.corpus import load_corpus

        corpus = load_corpus(settings.data, settings.cache_folder)
        speaker = _speaker(settings, corpus.catalog)
        films = None
        if recommender is not None:
            from algorithms.recommender.cross_fitted import CrossFittedRecommender

            films = CrossFittedRecommender(part_of(recommender, "recommender"))
        with shown_progress("seekers") as on_step:
            found = seeker_rows(
                corpus,
                split,
                scripts(corpus, settings.seed, films),
                speaker,
                settings.env,
                count=dialogues,
                seed=settings.seed,
                on_step=on_step,
            )
    show(found.to_json(), json, _table(found))


@app.command(
    name="fidelity",
    epilog=examples(
        "ecr-rl seekers fidelity demo",
        "ecr-rl seekers fidelity --source redial_dataset.zip --acts umap2020_IARD_Cai.json --dialogues 400",
        "ecr-rl seekers fidelity --source redial_dataset.zip --seeker profile --seeker model --dialogues 60 --json",
        "ecr-rl seekers fidelity --source redial_dataset.zip --into docs/fidelity.md",
    ),
)
def compare_with_people(
    config: Config = "redial-cpu",
    source: Source = None,
    metadata: Metadata = None,
    seeker: Annotated[
        list[str] | None,
        part_option(
            "--seeker",
            SEEKERS,
            "Who is compared with people; module:Class for an own one. May be repeated.",
            show_default="profile",
        ),
    ] = None,
    acts: Acts = None,
    sentences: Annotated[
        str | None,
        typer.Option("--sentences", help="words, minilm, a folder or a hub id: what --acts reads beside words."),
    ] = None,
    split: Split = "test",
    dialogues: Many = 200,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into", help="A Markdown page whose block `<!-- fidelity SEEKERS -->` gets the tables; names joined by -."
        ),
    ] = None,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Compare simulated seekers with the people of a corpus.

    Each answers the recommender's turns of human dialogues, after the same human turns as the person did. Words, acts,
    films, questions and refusals of both, and a classifier that tells them apart, with 95 % intervals over dialogues.
    """
    names = list(dict.fromkeys(seeker or ["profile"]))
    settings = settings_of(config, changes, source=source, metadata=metadata)
    with working():
        from ecr_rl.evaluation.seekers.fidelity import fidelity
        from ecr_rl.evaluation.seekers.reading_acts import seeker_act_reader
        from ecr_rl.evaluation.seekers.tables import fidelity_tables
        from ecr_rl.report.insert import check_block, insert_block
        from envs.corpora.corpus import load_corpus

        block = "-".join(names)
        check_block(into, "fidelity", block)
        reader = seeker_act_reader(
            with_given(settings.labels, "instruments", acts=acts, sentences=sentences).instruments
        )
        corpus = load_corpus(settings.data, settings.cache_folder)
        built = {name: _speaker(with_given(settings, "env", seeker=name), corpus.catalog) for name in names}
        with shown_progress("fidelity") as on_step:
            result = fidelity(
                corpus,
                split,
                built,
                reader,
                count=dialogues,
                longest=settings.env.max_characters,
                seed=settings.seed,
                on_step=on_step,
            )
        tables = fidelity_tables(result)
        if into is not None:
            insert_block(into, "fidelity", block, markdown_tables(tables))
    show(result.to_json(), json, Group(*map(rich_table, tables)))


def _speaker(settings: RunConfig, catalog: Catalog) -> Seeker:
    """The seeker that the settings name."""
    from envs.seekers.registry import SeekerInputs, build_seeker

    if settings.env.seeker == "model":
        import torch

        torch.set_num_threads(settings.resources.driver_threads)
    return build_seeker(SeekerInputs(settings.env, catalog, settings.seed, settings.cache_folder), SEEKERS)


def _table(found: SeekerRows) -> Table:
    title = f"{found.n} {found.split} dialogues, seeker {found.seeker}, mean [95 % interval]"
    table = Table("recommender", title=title, title_justify="left")
    for column in ("success rate", "average turns", "findable", "failed"):
        table.add_column(column, justify="right")
    for name, row in found.rows.items():
        cells = map(with_interval, (row.success_rate, row.turns, row.findable))
        table.add_row(name, *cells, str(sum(row.failures.values())))
    return table
