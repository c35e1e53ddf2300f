"""``recommend train``, ``evaluate``, ``ablate`` and ``ask``: which films are proposed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ecr_rl.commands.completion import config_names
from ecr_rl.commands.former_option import former_option
from ecr_rl.commands.options import (
    ConfigOption,
    Json,
    Metadata,
    RecommenderFolder,
    Set,
    Source,
    examples,
    settings_of,
)
from ecr_rl.commands.output import rich_table, show, shown_progress, working
from ecr_rl.commands.parts import part_of, settings_for
from ecr_rl.config import with_given
from ecr_rl.tables import markdown_tables
from envs.errors import ConfigError

app = typer.Typer(help="Train, judge and ask the film recommender.", no_args_is_help=True)

Config = Annotated[
    str,
    typer.Argument(metavar="CONFIG", help="Takes the data and recommender settings.", autocompletion=config_names),
]
Emotions = Annotated[
    str | None, typer.Option("--emotions", help="lexicon, hub, or a GoEmotions folder to learn emotions from.")
]


@app.command(
    epilog=examples(
        "ecr-rl recommend train --source redial_dataset.zip --metadata movies/ --out recommenders/redial",
        "ecr-rl recommend train demo --out recommenders/demo",
        "ecr-rl recommend train --out recommenders/choose -s recommender.refit=false -s recommender.width=64",
        "ecr-rl recommend train --out recommenders/no-ridge -s recommender.refit=false -s recommender.without=[ridge]",
    )
)
def train(
    config: Config = "redial-cpu",
    source: Source = None,
    metadata: Metadata = None,
    emotions: Emotions = None,
    out: Annotated[Path | None, typer.Option("--out", help="The recommender's folder.", show_default=False)] = None,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Train the film recommender on the train and validation dialogues of a source.

    recommender.refit=false leaves the validation dialogues out, to choose settings by them. DIR is made when training
    has ended: a killed training leaves nothing. Films' metadata is optional.
    """
    if out is None:
        raise typer.BadParameter("say where the recommender goes", param_hint="--out")
    if out.exists():
        raise ConfigError(f"{out} exists already. Give --out a new folder, or delete this one")
    settings = settings_of(config, changes, source=source, metadata=metadata)
    settings = with_given(settings, "recommender", emotions=emotions)
    begun = time.monotonic()
    with working():
        from ecr_rl.training.parts import build_recommender
        from envs.corpora.corpus import load_corpus
        from envs.files import new_folder

        with new_folder(out) as folder, shown_progress("recommender") as on_step:
            corpus = load_corpus(settings.data, settings.cache_folder)
            figures = build_recommender(corpus, settings.recommender, folder, on_step)
    show({"folder": str(out), "seconds": round(time.monotonic() - begun, 1), "figures": figures}, json)


@app.command(
    cls=former_option("--recommender"),
    epilog=examples(
        "ecr-rl recommend evaluate recommenders/redial --source redial_dataset.zip --rows",
        "ecr-rl recommend evaluate recommenders/redial --protocol full --predictions full.jsonl --json",
        "ecr-rl recommend evaluate recommenders/choose --protocol masked --split valid",
    ),
)
def evaluate(
    recommender: RecommenderFolder,
    source: Source = None,
    protocol: Annotated[
        Literal["full", "dedup", "masked"],
        typer.Option(
            "--protocol", help="All films of a message, only new ones, or masked films of the whole dialogue."
        ),
    ] = "dedup",
    split: Annotated[
        Literal["valid", "test"], typer.Option("--split", help="valid: for one trained with recommender.refit=false.")
    ] = "test",
    predictions: Annotated[
        Path | None, typer.Option("--predictions", help="Gets one JSON line a case: its targets and the top 50.")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Fit the baselines, too, and judge them the same way.")] = False,
    into: Annotated[
        Path | None, typer.Option("--into", help="A Markdown page whose block `<!-- recommend PROTOCOL -->` gets them.")
    ] = None,
    config: ConfigOption = "redial-cpu",
    changes: Set = None,
    json: Json = False,
) -> None:
    """Judge a recommender on the recommendation cases of a split.

    It is given the messages before each case and nothing else. Figures come with 95 % bootstrap intervals over
    dialogues; the published rows of the same protocol stand beside them. Dialogues are the run's own; for a
    recommender's folder those of --config.
    """
    with working():
        folder = part_of(recommender, "recommender")
        settings = settings_for(recommender, "recommender", config, changes or ())
        settings = with_given(settings, "data", source=source)
        from ecr_rl.evaluation.recommender.recommendation import evaluate_recommender, write_predictions
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.report.recommendation_tables import recommendation_tables
        from envs.corpora.corpus import load_corpus

        check_block(into, "recommend", protocol)
        corpus = load_corpus(settings.data, settings.cache_folder)
        with shown_progress("recommendation cases") as on_step:
            result, predicted = evaluate_recommender(folder, corpus, protocol, split, rows, on_step)
        if predictions is not None:
            write_predictions(predicted, predictions)
        tables = recommendation_tables(result)
        if into is not None:
            insert_block(into, "recommend", protocol, markdown_tables(tables))
    show(result.to_json(), json, Group(*map(rich_table, tables)))


@app.command(
    epilog=examples(
        "ecr-rl recommend ablate --source redial_dataset.zip --metadata movies/ --out ablation.json",
        "ecr-rl recommend ablate --source redial_dataset.zip --out ablation.json --into docs/recommender.md",
        "ecr-rl recommend ablate demo --out ablation.json --json",
    )
)
def ablate(
    config: Config = "redial-cpu",
    source: Source = None,
    metadata: Metadata = None,
    emotions: Emotions = None,
    out: Annotated[Path, typer.Option("--out", help="Gets the rows as JSON, and keeps them for a next time.")] = Path(
        "ablation.json"
    ),
    into: Annotated[
        Path | None, typer.Option("--into", help="A Markdown page whose block `<!-- recommend ablation -->` gets them.")
    ] = None,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Train the recommender without each of its parts, and judge all of them on the validation dialogues.

    Each learns from the train dialogues alone. A killed command goes on with the rows that FILE has.
    """
    settings = settings_of(config, changes, source=source, metadata=metadata)
    settings = with_given(settings, "recommender", emotions=emotions)
    with working():
        from ecr_rl.evaluation.recommender.ablation import ablate as ablate_recommender
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.report.recommendation_tables import ablation_table
        from envs.corpora.corpus import load_corpus

        check_block(into, "recommend", "ablation")
        corpus = load_corpus(settings.data, settings.cache_folder)
        with shown_progress("ablation") as on_step:
            result = ablate_recommender(corpus, settings.recommender, out, on_step)
        table = ablation_table(result)
        if into is not None:
            insert_block(into, "recommend", "ablation", markdown_tables([table]))
    show(result.to_json(), json, rich_table(table))


@app.command(
    cls=former_option("--recommender"),
    epilog=examples(
        'ecr-rl recommend ask recommenders/redial "I loved Inception (2010). Something as clever?"',
        'ecr-rl recommend ask recommenders/redial "seeker: no horror, please" --count 5 --json',
        "ecr-rl recommend ask runs/demo --count 3 -",
    ),
)
def ask(
    recommender: RecommenderFolder,
    text: Annotated[
        str, typer.Argument(help="Lines `seeker: ...` and `recommender: ...`, or the seeker's words; - reads stdin.")
    ],
    count: Annotated[int, typer.Option("--count", min=1, help="Films.")] = 10,
    json: Json = False,
) -> None:
    """Recommend films for a dialogue, with what speaks for each.

    Films stand in the text as titles or @ids. A reason is a mention or a word without which the film would score less.
    """
    with working():
        from algorithms.recommender.recommender import Recommender
        from ecr_rl.recommender_answer import answer, read_dialogue
        from envs.inputs.text import decoded_file

        scorer = Recommender.load(part_of(recommender, "recommender"))
        said = decoded_file(sys.stdin.buffer.read(), "stdin") if text == "-" else text
        dialogue = read_dialogue(said, scorer.catalog)
        result = answer(scorer, dialogue, count)
    show(result, json, Group(Text("\n".join(result["dialogue"])), _films(result["films"])))


def _films(films: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("", "film", "year", "genres", "because of", title="fall of the film's log-share without it")
    table.title_justify = "left"
    for rank, film in enumerate(films, start=1):
        because = [f"{row['title']} {row['drop']:.2f}" for row in film["mentions"]]
        because += [f"'{row['word']}' {row['drop']:.2f}" for row in film["words"]]
        year = "" if film["year"] is None else str(film["year"])
        table.add_row(str(rank), film["title"], year, ", ".join(film["genres"]), "; ".join(because) or "popular")
    return table
