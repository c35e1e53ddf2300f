"""``respond train`` and ``respond evaluate``: the supervised responder, PPO's start and its reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecr_rl.commands.completion import folders
from ecr_rl.commands.former_option import former_option
from ecr_rl.commands.options import (
    Config,
    Json,
    Metadata,
    ResponderFolder,
    Resume,
    Set,
    Source,
    examples,
    seed_option,
    settings_of,
)
from ecr_rl.commands.output import rich_table, show, shown_progress, working
from ecr_rl.commands.parts import CARDS, figures_of, part_of
from ecr_rl.config import RunConfig, with_given
from ecr_rl.runs.artefacts import RECOMMENDER

if TYPE_CHECKING:
    from ecr_rl.evaluation.responder.response_cases import Responder

app = typer.Typer(help="Train and judge the supervised responder, PPO's start.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "ecr-rl respond train demo --out responders/demo",
        "ecr-rl respond train redial-cpu --source redial_dataset.zip --out responders/redial",
        "ecr-rl respond train demo --out responders/blind -s supervised.conditioning=none",
    )
)
def train(
    config: Config,
    source: Source = None,
    metadata: Metadata = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The responder's folder.", show_default="runs/NAME-responder")
    ] = None,
    resume: Resume = False,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Train the supervised responder alone.

    It learns from human replies, shown the emotions to answer with and the films to name.

    The folder holds model, tokenizer, planner of emotions and film recommender. All goes into the artefact cache too,
    where a later train with the same settings finds it.
    """
    settings = settings_of(config, changes, source=source, metadata=metadata)
    target = out or Path("runs") / f"{settings.name}-responder"
    with working():
        import shutil

        from ecr_rl.estimate import check_policy
        from ecr_rl.pipeline import Pipeline
        from ecr_rl.runs.folder import RunFolder

        check_policy(settings.policy)
        with RunFolder.create(target, settings, resume) as folder:
            pipeline = Pipeline(settings, folder)
            made = pipeline.responder()
            shutil.copytree(pipeline.recommender(), target / RECOMMENDER, dirs_exist_ok=True)
            shutil.copytree(made, target, dirs_exist_ok=True)
    show({"folder": str(target), "figures": figures_of(made)}, json)


@app.command(
    cls=former_option("--responder"),
    epilog=examples(
        "ecr-rl respond evaluate responders/redial --source redial_dataset.zip --goemotions goemotions/",
        "ecr-rl respond evaluate responders/demo --against responders/blind --replies 200 --json",
        "ecr-rl respond evaluate runs/demo --split valid --full",
    ),
)
def evaluate(
    responder: ResponderFolder,
    source: Source = None,
    metadata: Metadata = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            help="Another one on the same cases: differences with intervals.",
            autocompletion=folders(CARDS["responder"]),
        ),
    ] = None,
    recommender: Annotated[
        Path | None,
        typer.Option(
            "--recommender",
            help="Proposes the films.",
            show_default="the responder's own",
            autocompletion=folders(CARDS["recommender"]),
        ),
    ] = None,
    split: Annotated[
        Literal["valid", "test"], typer.Option("--split", help="Dialogues that it was not trained on.")
    ] = "test",
    replies: Annotated[
        int, typer.Option("--replies", min=10, help="Human contexts at most, spread evenly over the split.")
    ] = 1000,
    full: Annotated[bool, typer.Option("--full", help="All of them.")] = False,
    goemotions: Annotated[
        Path | None, typer.Option("--goemotions", help="GoEmotions' folder: a second reader measures the emotions.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="A Markdown page whose block `<!-- respond NAME -->` gets the table.")
    ] = None,
    seed: Annotated[int, seed_option("Draws replies and resamples.")] = 0,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Let a responder answer human contexts of dialogues it never saw: BLEU, DIST, perplexity, films, emotions.

    A killed evaluation goes on with the same command: replies are kept in the cache.
    """
    with working():
        import torch

        from algorithms.recommender.cross_fitted import CrossFittedRecommender
        from ecr_rl.evaluation.responder.independent_emotions import independent_emotions
        from ecr_rl.evaluation.responder.response_cases import AskedCases, GoldCases
        from ecr_rl.evaluation.responder.response_figures import evaluate_responders
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.report.response_report import response_table, response_tables
        from ecr_rl.runs.artefacts import model_version
        from envs.corpora.corpus import load_corpus

        check_block(into, "respond", responder.name)
        asked, own, settings = _responder_of(responder, changes or ())
        systems = {"responder": asked} | ({} if against is None else {"against": _responder_of(against)[0]})
        settings = with_given(settings, "data", source=source, metadata=metadata)
        torch.set_num_threads(settings.resources.driver_threads)
        films = own if recommender is None else part_of(recommender, "recommender")
        corpus = load_corpus(settings.data, settings.cache_folder)
        emotions = independent_emotions(goemotions, asked.planner.reader.name, settings.cache_folder)
        gold = GoldCases.spread(corpus.splits[split], corpus.catalog, None if full else replies)
        proposes = model_version(str(films))
        cases = AskedCases(gold, CrossFittedRecommender(films), proposes, settings.cache_folder, seed)
        with shown_progress("respond evaluation") as on_step:
            found = evaluate_responders(systems, cases, split, emotions, on_step=on_step)
        if into is not None:
            insert_block(into, "respond", responder.name, response_tables(found))
    show(found.to_json(), json, rich_table(response_table(found)))


def _responder_of(folder: Path, changes: Sequence[str] = ()) -> tuple[Responder, Path, RunConfig]:
    """The responder of its own folder or of a run's, the folder of its film recommender, and the run's settings."""
    from ecr_rl.evaluation.responder.response_cases import Responder
    from ecr_rl.runs.folder import RunFolder

    config, part = RunFolder.open(folder, changes).config, part_of(folder, "responder")
    films = folder / RECOMMENDER if part == folder else part_of(folder, "recommender")
    return Responder(folder.name, part, config.policy, config.env), films, config
