"""``seekers``: what scripted recommenders reach with a seeker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from algorithms.chat.seekers import SEEKERS
from ecr_rl.commands.completion import config_names, folders
from ecr_rl.commands.options import Json, Metadata, Set, Source, part_option, settings_of
from ecr_rl.commands.output import show, shown_progress, working
from ecr_rl.commands.parts import CARDS, part_of
from ecr_rl.config import with_given
from ecr_rl.tables import with_interval

if TYPE_CHECKING:
    from ecr_rl.evaluation.conversations.seeker_rows import SeekerRows


def seekers(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="Takes the data and env settings.", autocompletion=config_names)
    ] = "redial-cpu",
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
    split: Annotated[Literal["train", "valid", "test"], typer.Option("--split", help="Whose dialogues.")] = "test",
    dialogues: Annotated[
        int, typer.Option("--dialogues", min=1, help="Dialogues at most, spread evenly over the split.")
    ] = 300,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Let recommenders without a policy talk with a seeker.

    They name popular films, random films, or never a film. Success rate and average turns of each, with 95 %
    intervals over dialogues, are what a policy has to beat. Conversations whose seeker could not answer are counted and
    left out.
    """
    settings = settings_of(config, changes, source=source, metadata=metadata)
    settings = with_given(settings, "env", seeker=seeker)
    with working():
        from ecr_rl.evaluation.conversations.seeker_rows import scripts, seeker_rows
        from envs.corpora.corpus import load_corpus
        from envs.seekers.registry import SeekerInputs, build_seeker

        corpus = load_corpus(settings.data, settings.cache_folder)
        if seeker == "model":
            import torch

            torch.set_num_threads(settings.resources.driver_threads)
        speaker = build_seeker(
            SeekerInputs(settings.env, corpus.catalog, settings.seed, settings.cache_folder), SEEKERS
        )
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


def _table(found: SeekerRows) -> Table:
    title = f"{found.n} {found.split} dialogues, seeker {found.seeker}, mean [95 % interval]"
    table = Table("recommender", title=title, title_justify="left")
    for column in ("success rate", "average turns", "findable", "failed"):
        table.add_column(column, justify="right")
    for name, row in found.rows.items():
        cells = map(with_interval, (row.success_rate, row.turns, row.findable))
        table.add_row(name, *cells, str(sum(row.failures.values())))
    return table
