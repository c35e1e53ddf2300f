"""``critic train``, ``critic evaluate``, ``critic sensitivity`` and ``critic score``: the reward model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Group
from rich.text import Text

from ecr_rl.commands.completion import config_names
from ecr_rl.commands.former_option import former_option
from ecr_rl.commands.options import (
    ConfigOption,
    CriticFolder,
    Json,
    Metadata,
    Resume,
    Set,
    Source,
    examples,
    seed_option,
)
from ecr_rl.commands.output import rich_table, show, show_json, shown_progress, working
from ecr_rl.commands.parts import part_of, settings_for
from ecr_rl.commands.run import build_part
from ecr_rl.config import RunConfig, load_config, with_given
from ecr_rl.tables import markdown_tables

if TYPE_CHECKING:
    from ecr_rl.evaluation.critic.people_results import PeopleRatings
    from ecr_rl.evaluation.sensitivity.judges import Scorer
    from envs.corpora.corpus import Corpus
    from envs.heads import RewardModel

app = typer.Typer(help="Train and examine the critic, PPO's reward model.", no_args_is_help=True)


@app.command(
    epilog=examples(
        "ecr-rl critic train demo --out runs/demo-critic",
        "ecr-rl critic train --labels labels/rubric --out critics/rubric",
        "ecr-rl critic train redial-cpu --labels labels/rubric --out critics/long -s critic.steps=4000",
    )
)
def train(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="Takes the critic's settings.", autocompletion=config_names)
    ] = "redial-cpu",
    labels: Annotated[
        Path | None, typer.Option("--labels", help="A label folder; without it the replies are labelled first.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The critic's folder; without --labels a run folder.")
    ] = None,
    resume: Resume = False,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Train the critic alone; print its held-out R2 by head.

    With --labels the critic goes into --out. Without, labels and critic go into the artefact cache, where a later train
    with the same settings finds them. A killed training goes on with --resume.
    """
    settings = load_config(config, changes or [])
    if labels is None:
        build_part(settings, out or Path("runs") / f"{settings.name}-critic", resume, json, lambda made: made.critic())
        return
    if out is None:
        raise typer.BadParameter("say where the critic goes", param_hint="--out")
    with working():
        from ecr_rl.runs.folder import RunFolder
        from ecr_rl.training.critic import build_critic

        with RunFolder.create(out, settings, resume) as run:
            run.rewind("critic", 0)
            with run.stage("critic", settings.critic.steps) as stage:
                figures = build_critic(labels, settings.critic, out, stage.update)
    show({"folder": str(out), "figures": figures}, json)


@app.command(
    cls=former_option("--critic"),
    epilog=examples(
        "ecr-rl critic evaluate critics/rubric --source redial_dataset.zip",
        "ecr-rl critic evaluate runs/demo --split valid --json",
        "ecr-rl critic evaluate critics/rubric --source redial_dataset.zip --full --goemotions goemotions/",
        "ecr-rl critic evaluate critics/rubric --source redial_dataset.zip --people ratings/ --only-people",
    ),
)
def evaluate(
    critic: CriticFolder,
    source: Source = None,
    metadata: Metadata = None,
    split: Annotated[
        Literal["valid", "test"], typer.Option("--split", help="Dialogues that the critic was not trained on.")
    ] = "test",
    full: Annotated[bool, typer.Option("--full", help="All human replies, not 2,000.")] = False,
    replies: Annotated[
        int, typer.Option("--replies", min=10, help="Human replies, at most, spread evenly over the split.")
    ] = 2000,
    per_kind: Annotated[int, typer.Option("--per-kind", min=1, help="Replies of each made kind, at most.")] = 500,
    goemotions: Annotated[
        Path | None, typer.Option("--goemotions", help="GoEmotions' folder: adds how empathy ranks its comments.")
    ] = None,
    people: Annotated[
        list[Path] | None,
        typer.Option("--people", help="A folder or file of people's ratings (docs/people.md); may be given again."),
    ] = None,
    only_people: Annotated[
        bool, typer.Option("--only-people", help="The table of --people alone, which takes no judge's labels.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The report's folder.", show_default="CRITIC/evaluation")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="A Markdown page whose block `<!-- critic NAME -->` gets the tables.")
    ] = None,
    config: ConfigOption = "redial-cpu",
    seed: Annotated[int, seed_option("Draws made replies and edits.")] = 0,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Hold a critic out on dialogues it never saw: figures, plots and a page.

    For each head R2 beside length alone and other baselines, correlations, error, calibration; how it ranks worse
    replies of known kinds; which heads simple edits move; and what people said. Dialogues are the run's own; for a
    critic's folder those of --config. Of a run the edits are scored by its evaluators, too.
    """
    if only_people and not people:
        raise typer.BadParameter("needs --people", param_hint="--only-people")
    with working():
        folder = part_of(critic, "critic")
        settings = _settings_of(critic, folder, config, changes or (), source, metadata)
        from algorithms.critic.critic import Critic
        from ecr_rl.evaluation.critic.critic_evaluation import evaluate_critic
        from ecr_rl.evaluation.critic.people_tables import people_tables
        from ecr_rl.labels.judge_folder import context_of, judge_of
        from ecr_rl.report.critic_report import critic_tables, write_critic_report, write_people_report
        from ecr_rl.report.insert import check_block, insert_block
        from ecr_rl.settings import ContextForm
        from envs.corpora.corpus import load_corpus
        from envs.corpora.goemotions import read_goemotions

        check_block(into, "critic", critic.name)
        emotions = None if goemotions is None else read_goemotions(goemotions)
        corpus = load_corpus(settings.data, settings.cache_folder)
        scorer, report = Critic.load(folder), out or critic / "evaluation"
        said = _people_ratings(scorer, folder, corpus, people, seed) if people else None
        if said is None or not only_people:
            asked = context_of(folder)
            judges = {form: judge_of(folder, corpus.catalog, form) for form in ContextForm}
            with shown_progress("critic evaluation") as on_step:
                result = evaluate_critic(
                    scorer,
                    judges[asked],
                    corpus,
                    split,
                    None if full else replies,
                    per_kind,
                    seed,
                    emotions,
                    {form.value: judge for form, judge in judges.items()},
                    _evaluators(critic, folder, settings),
                    on_step,
                )
            result = replace(result, results=replace(result.results, people_ratings=said))
            tables, value = critic_tables(result.results), result.results.to_json()
            page = write_critic_report(result, critic.name, report)
            heads, _, kinds, *_ = tables
            view = [heads, kinds, *people_tables(said)[:1]]
        else:
            tables, value = people_tables(said), {"people_ratings": said.to_json()}
            page = write_people_report(said, critic.name, report)
            view = tables[:1]
        if into is not None:
            insert_block(into, "critic", critic.name, markdown_tables(view if only_people else tables))
    show(value, json, Group(*map(rich_table, view), Text(f"Report: {page}")))


def _people_ratings(
    critic: RewardModel, folder: Path, corpus: Corpus, people: Sequence[Path], seed: int
) -> PeopleRatings:
    """How a critic's scores go with ratings of people."""
    from ecr_rl.evaluation.critic.learnt_part import learnt_part
    from ecr_rl.evaluation.critic.people_agreement import rate_against_people
    from ecr_rl.labels.judge_folder import carries_judge, context_of, judge_of
    from ecr_rl.labels.judging.text_evidence import TextEvidence
    from envs.ratings.reading import conversations_of, read_ratings

    sets = read_ratings(people, conversations_of(corpus))
    rubric = judge_of(folder, corpus.catalog, context_of(folder)) if carries_judge(folder) else None
    with shown_progress("ratings of people") as on_step:
        evidence = TextEvidence(corpus.catalog)
        return rate_against_people(critic, rubric, evidence, sets, learnt_part(folder), seed, on_step)


@app.command(
    epilog=examples(
        "ecr-rl critic sensitivity runs/demo",
        "ecr-rl critic sensitivity runs/demo --into docs/judges.md",
        "ecr-rl critic sensitivity critics/rubric --source redial_dataset.zip --replies 1000 --json",
    ),
)
def sensitivity(
    critic: CriticFolder,
    source: Source = None,
    metadata: Metadata = None,
    split: Annotated[
        Literal["valid", "test"], typer.Option("--split", help="Dialogues that no judge learnt from.")
    ] = "test",
    replies: Annotated[
        int, typer.Option("--replies", min=10, help="Human replies, at most, spread evenly over the split.")
    ] = 300,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="A Markdown page whose block `<!-- sensitivity NAME -->` gets the tables."),
    ] = None,
    config: ConfigOption = "redial-cpu",
    seed: Annotated[int, seed_option("Draws edits and resamples.")] = 0,
    changes: Set = None,
    json: Json = False,
) -> None:
    """See which edits of a reply fool which judge.

    Human replies are edited in ways that make none of them better: filler, flattery, another film, the seeker's words
    echoed. Of a run the critic, the rubric and every evaluator score them before and after; of a critic's folder the
    critic, its rubric and the evaluators of people that come with the project. Changes are in standard deviations of
    each judge's own scores, with 95 % intervals over dialogues.
    """
    with working():
        folder = part_of(critic, "critic")
        settings = _settings_of(critic, folder, config, changes or (), source, metadata)
        from algorithms.critic.critic import Critic
        from ecr_rl.evaluation.sensitivity.judges import by_critic, by_judge
        from ecr_rl.evaluation.sensitivity.measuring import edit_replies
        from ecr_rl.evaluation.sensitivity.tables import sensitivity_tables
        from ecr_rl.labels.judge_folder import carries_judge, context_of, judge_of
        from ecr_rl.report.insert import check_block, insert_block
        from envs.corpora.corpus import load_corpus

        check_block(into, "sensitivity", critic.name)
        corpus = load_corpus(settings.data, settings.cache_folder)
        judges, heads = {"critic": by_critic(Critic.load(folder))}, settings.head_definitions
        if carries_judge(folder):
            rubric = judge_of(folder, corpus.catalog, context_of(folder))
            judges[rubric.name], heads = by_judge(rubric), rubric.heads
        judges |= _evaluators(critic, folder, settings)
        with shown_progress("edits of replies") as on_step:
            result = edit_replies(judges, heads, corpus, split, replies, seed, on_step)
        tables = sensitivity_tables(result)
        if into is not None:
            insert_block(into, "sensitivity", critic.name, markdown_tables(tables))
    show(result.to_json(), json, Group(*map(rich_table, tables)))


def _settings_of(
    critic: Path, folder: Path, config: str, changes: Sequence[str], source: str | None, metadata: str | None
) -> RunConfig:
    """The settings that go with a critic; its rubric's film facts where no metadata are named."""
    from ecr_rl.labels.judge_folder import facts_of

    settings = with_given(settings_for(critic, "critic", config, changes), "data", source=source, metadata=metadata)
    facts = facts_of(folder) if metadata is None else None
    return settings if facts is None else with_given(settings, "data", metadata=str(facts))


def _evaluators(critic: Path, folder: Path, settings: RunConfig) -> dict[str, Scorer]:
    """The evaluators of a run; for a critic's own folder those of people that come with the project."""
    from ecr_rl.evaluation.sensitivity.judges import evaluators_of

    return evaluators_of(None if critic == folder else critic, settings)


@app.command(
    cls=former_option("--critic"),
    epilog=examples("ecr-rl critic score critics/rubric --input replies.jsonl --output scores.jsonl"),
)
def score(
    critic: CriticFolder,
    source: Annotated[Path, typer.Option("--input", help="JSON lines; - reads stdin.", allow_dash=True)],
    output: Annotated[Path, typer.Option("--output", help="JSON lines; - writes stdout.", allow_dash=True)],
    json: Json = False,
) -> None:
    """Score replies: one line of scores for each line of input, in order.

    \b
    Input   {"context": ["seeker: ...", "recommender: ..."], "response": "..."}
    Output  {"scores": {HEAD: number}, "spread": {HEAD: number}}, with "cut": true where the text was too long;
            null for a head without labels
            {"error": "..."} for a line that cannot be scored; the rest goes on
    """  # noqa: D301 (the backspace is for the help's formatter, and no raw string has one)
    with working():
        from algorithms.critic.critic import Critic
        from ecr_rl.critic_scores import score_file

        begun = time.monotonic()
        folder = part_of(critic, "critic")
        with shown_progress("scoring") as on_step:
            counts = score_file(Critic.load(folder), source, None if str(output) == "-" else output, on_step)
        lines = counts.pop("lines", None)
    if lines is not None:
        show_json(lines)
    else:
        show({**counts, "output": str(output), "seconds": round(time.monotonic() - begun, 3)}, json)
