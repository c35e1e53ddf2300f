"""``people weights`` and ``people fit``: what is learnt from people's ratings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group

from ecr_rl.commands.options import ConfigOption, Json, Metadata, Set, Source, examples, seed_option, settings_of
from ecr_rl.commands.output import rich_table, show, shown_progress, working
from ecr_rl.config import load_config, with_given
from ecr_rl.tables import TextTable, markdown_tables, shown

if TYPE_CHECKING:
    from algorithms.people.left_out import LeftOut
    from algorithms.people.overall_fit import OverallFit

app = typer.Typer(help="Learn from people's ratings of replies (docs/people.md).", no_args_is_help=True)


@app.command(
    epilog=examples(
        "ecr-rl people weights ratings/ --source redial_dataset.zip --goemotions goemotions/",
        "ecr-rl people weights AB-ReDial/Data --source redial_dataset.zip --sets ab-redial --sets ab-redial-dialogues "
        "--out weights.json",
    )
)
def weights(
    ratings: Annotated[list[Path], typer.Argument(metavar="RATINGS...", help="Folders and files of people's ratings.")],
    source: Source = None,
    metadata: Metadata = None,
    goemotions: Annotated[
        Path | None,
        typer.Option("--goemotions", help="GoEmotions' folder: feelings are read by a classifier, not by phrases."),
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--sets", help="Learn from this set alone; may be given again.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A JSON file that gets the weights, by the reader of feelings.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="A Markdown page whose block `<!-- people weights -->` gets the tables."),
    ] = None,
    seed: Annotated[int, seed_option("Divides dialogues and posts into parts.")] = 0,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Fit the weights of ``overall``, and hold them against each set that is left out.

    Prints what each part weighs, with intervals, learnt from the critic's part as in a run; and how well weights that
    were learnt from the whole of the other sets go with the ratings in a set that is left out.
    """
    with working():
        settings = with_given(load_config("redial-cpu", changes or []), "data", source=source, metadata=metadata)
        from algorithms.people.left_out import leave_one_out
        from algorithms.readers.emotion_readers import emotion_reader
        from algorithms.readers.emotions import LexiconEmotions
        from algorithms.readers.film_affinity import FilmAffinity
        from algorithms.readers.film_table import FilmTable
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.training.people import overall_weights, sets_named
        from envs.corpora.corpus import load_corpus
        from envs.files import write_json
        from envs.ratings.reading import conversations_of, read_ratings

        check_block(into, "people", "weights")
        corpus = load_corpus(settings.data, settings.cache_folder)
        used = sets_named(read_ratings(ratings, conversations_of(corpus)), sets)
        films = FilmTable.of(corpus.catalog, FilmAffinity.fit(corpus.train, corpus.catalog))
        readers = [LexiconEmotions(), *([] if goemotions is None else [emotion_reader(str(goemotions))])]
        with shown_progress("weights") as on_step:
            fits = overall_weights(used, films, readers, seed, on_step)
        fit = fits[readers[-1].name]
        left_out = leave_one_out(used, films, readers[-1])
        if out is not None:
            write_json(out, {name: each.to_json() for name, each in fits.items()})
        tables = [_weights_table(fit, left_out), *([_left_out_table(left_out)] if left_out else [])]
        if into is not None:
            insert_block(into, "people", "weights", markdown_tables(tables))
    value: dict[str, Any] = {"weights": fit.to_json(), "left_out": [asdict(each) for each in left_out]}
    show(value, json, Group(*map(rich_table, tables)))


@app.command(
    epilog=examples(
        "ecr-rl people fit AB-ReDial/Data --out evaluators/people",
        "ecr-rl people fit ratings/ --sets ab-redial --sets ab-redial-dialogues --out evaluators/people --json",
    )
)
def fit(
    ratings: Annotated[list[Path], typer.Argument(metavar="RATINGS...", help="Folders and files of people's ratings.")],
    out: Annotated[Path, typer.Option("--out", help="Gets the folders selecting and reporting.")],
    sets: Annotated[
        list[str] | None, typer.Option("--sets", help="Learn from this set alone; may be given again.")
    ] = None,
    source: Source = None,
    config: ConfigOption = "demo",
    seed: Annotated[int, seed_option("Divides dialogues and posts into parts.")] = 0,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Fit the two evaluators of people that a run has, each to its own fifth of the dialogues and posts.

    One takes part in choosing the policy that a run keeps, the other reports. Both are linear in MiniLM's vectors and
    in counts; no rubric is in their ancestry. The ratings are no part of this project: docs/people.md says where each
    set is had. Those of CRS-Que name dialogues of --source.
    """
    settings = settings_of(config, changes, source=source)
    with working():
        from algorithms.packaged_models import MINILM
        from algorithms.readers.sentence_sources import load_sentences
        from ecr_rl.training.people import sets_named
        from ecr_rl.training.people_evaluator import fit_people_evaluator
        from envs.corpora.corpus import load_corpus
        from envs.ratings.parts import EVALUATORS_PARTS
        from envs.ratings.reading import conversations_of, read_ratings

        corpus = load_corpus(settings.data, settings.cache_folder)
        used = sets_named(read_ratings(ratings, conversations_of(corpus)), sets)
        encoder, facts = load_sentences(MINILM), {}
        for part in EVALUATORS_PARTS:
            evaluator = fit_people_evaluator(used, part, seed, encoder)
            (out / part).mkdir(parents=True, exist_ok=True)
            evaluator.save(out / part)
            facts[part] = evaluator.facts
    show({"folder": str(out), **facts}, json)


def _weights_table(fit: OverallFit, left_out: list[LeftOut]) -> TextTable:
    from algorithms.people.measured_parts import PARTS

    rows = []
    for column, (part, meaning) in enumerate(PARTS.items()):
        low, high = fit.facts["intervals"][part]
        weight = f"{fit.weights[column]:.3f} [{low:.3f}, {high:.3f}]"
        rows.append([part, meaning, weight, *(shown(each.by_part[part], ".2f") for each in left_out)])
    names = ", ".join(f"{name} ({count})" for name, count in fit.facts["sets"].items())
    note = (
        f"Weights of sum 1 with 95 % intervals (bootstrap over dialogues), fitted to the critic's part of {names}; "
        "then each part's own rank correlation with a rating."
    )
    columns = ["part", "measures", "weight", *(f"{each.name} {each.rating}" for each in left_out)]
    return TextTable("Parts of overall", note, columns, rows)


def _left_out_table(left_out: list[LeftOut]) -> TextTable:
    rows = [
        [f"{each.name} {each.rating}", str(each.n), *(shown(rho, ".3f") for rho in each.by_pull.values())]
        for each in left_out
    ]
    note = (
        "Rank correlation of the weighted sum with people's mean rating, by the pull towards equal weights. The "
        "weights are learnt from the other sets; those of AB-ReDial are left out together."
    )
    columns = ["left out", "n", *(f"pull {pull:g}" for pull in left_out[0].by_pull)]
    return TextTable("Sets left out", note, columns, rows)
