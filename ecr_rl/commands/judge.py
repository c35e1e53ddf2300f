"""``judge``: a language model compares a run's two policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from algorithms.settings.precision import Precision
from ecr_rl.commands.options import Json, Run, Set, finite, seed_option
from ecr_rl.commands.output import rich_table, show, shown_progress, working
from envs.errors import ConfigError
from envs.settings import EndpointSettings

if TYPE_CHECKING:
    from ecr_rl.config import RunConfig
    from ecr_rl.evaluation.language_judge.models import JudgeModel
    from ecr_rl.evaluation.language_judge.result import Judgement
    from envs.ratings.record import RatingSet


def judge(
    run: Run,
    model: Annotated[
        str, typer.Option("--model", help="qwen-1.5b, smollm2, a folder or hub id; with --endpoint its name there.")
    ],
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", help="Base URL of an OpenAI-compatible one; key in OPENAI_API_KEY.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="The folder in RUN/against to judge, in place of RUN/evaluation.")
    ] = None,
    dialogues: Annotated[
        int,
        typer.Option("--dialogues", min=1, help="Dialogues to judge at most, spread evenly over the recorded ones."),
    ] = 100,
    axes: Annotated[bool, typer.Option("--axes/--no-axes", help="Rate first replies on ECR's five axes, too.")] = True,
    people: Annotated[
        list[Path] | None,
        typer.Option(
            "--people", help="A folder or file of people's ratings to hold the judge against. May be repeated."
        ),
    ] = None,
    turns: Annotated[
        int, typer.Option("--turns", min=20, help="Rated replies of each set of --people at most, spread evenly.")
    ] = 300,
    same_family: Annotated[
        bool, typer.Option("--same-family", help="Take a judge of the policy's own family, which is refused otherwise.")
    ] = False,
    precision: Annotated[
        Precision, typer.Option("--precision", help="Of a local model; auto is float32 on a CPU, bfloat16 on a GPU.")
    ] = "auto",
    max_new: Annotated[
        int, typer.Option("--max-new", min=1, help="Of an endpoint: tokens of an answer; one that thinks needs more.")
    ] = 120,
    at_once: Annotated[int, typer.Option("--at-once", min=1, help="Of an endpoint: concurrent requests.")] = 8,
    per_minute: Annotated[
        float, typer.Option("--per-minute", min=0.001, help="Of an endpoint: the most requests.", callback=finite)
    ] = 600.0,
    price_in: Annotated[
        float | None, typer.Option("--price-in", min=0, help="Of a million tokens of questions.", callback=finite)
    ] = None,
    price_out: Annotated[
        float | None, typer.Option("--price-out", min=0, help="Of a million tokens of answers.", callback=finite)
    ] = None,
    seed: Annotated[int, seed_option("Draws the resamples.")] = 0,
    changes: Set = None,
    json: Json = False,
) -> None:
    """Let a language model say which policy is better.

    It prefers one of two conversations from the same opening, asked in both orders, and rates replies on ECR's axes.

    What it says goes to RUN/judge; `ecr-rl report RUN` and `ecr-rl results RUN` show it in tables of its own. Answers
    are kept in the cache: a killed command goes on, and a second one asks nothing twice. A judge that gives no answer
    is counted, and never becomes a number.
    """
    if (price_in is None) != (price_out is None):
        raise ConfigError("give --price-in and --price-out together: a cost takes both")
    with working():
        from ecr_rl.evaluation.language_judge.asking import Asker
        from ecr_rl.evaluation.language_judge.judging import Judged, judge_run
        from ecr_rl.evaluation.language_judge.tables import judge_tables
        from ecr_rl.runs.folder import RunFolder

        config = RunFolder.open(run, changes or ()).config
        sets = _ratings(people or [])
        asker = Asker(
            _endpoint_model(config, run, model, endpoint, same_family, max_new, at_once, per_minute)
            if endpoint is not None
            else _local_model(config, run, model, same_family, precision),
            config.cache_folder / "answers" / "judges",
        )
        prices = (None, None) if price_in is None or price_out is None else (price_in, price_out)
        judged = Judged(run, against, dialogues, axes, sets, turns, config.evaluation.resamples, seed, prices)
        with shown_progress("judge") as on_step:
            found = judge_run(judged, asker, on_step)
    show(found.to_json(), json, Group(*map(rich_table, judge_tables([found])), Text(_took(found, run))))


def _local_model(config: RunConfig, run: Path, model: str, same_family: bool, precision: Precision) -> JudgeModel:
    from algorithms.chat.packaged import model_source
    from ecr_rl.evaluation.language_judge.family import Family, policy_family, refuse_same_family
    from ecr_rl.evaluation.language_judge.models import LocalJudge

    if not same_family:
        refuse_same_family(Family.of(model), policy_family(config, run), model)
        folder = Path(model_source(model, config.cache_folder))
        refuse_same_family(Family.of(model, folder), policy_family(config, run), model)
    return LocalJudge(model, config.cache_folder, precision)


def _endpoint_model(
    config: RunConfig,
    run: Path,
    model: str,
    endpoint: str,
    same_family: bool,
    max_new: int,
    at_once: int,
    per_minute: float,
) -> JudgeModel:
    from pydantic import ValidationError

    from algorithms.chat.endpoint import check_packages
    from ecr_rl.evaluation.language_judge.family import Family, policy_family, refuse_same_family
    from ecr_rl.evaluation.language_judge.models import EndpointJudgeModel

    check_packages("a judge behind --endpoint")
    if not same_family:
        refuse_same_family(Family.of(model), policy_family(config, run), model)
    try:
        settings = EndpointSettings(endpoint=endpoint, requests_per_minute=per_minute)
    except ValidationError as error:
        raise ConfigError(f"--endpoint: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    return EndpointJudgeModel(settings, model, max_new=max_new, at_once=at_once)


def _ratings(people: list[Path]) -> list[RatingSet]:
    from envs.ratings.reading import read_ratings

    return [each for each in read_ratings(people) if each.replies] if people else []


def _took(judgement: Judgement, run: Path) -> str:
    used = judgement.usage
    tokens = f"{used.prompt_tokens:,} tokens of questions and {used.answer_tokens:,} of answers"
    cost = "" if used.cost is None else f", {used.cost:.4f} in all"
    uncounted = f"; of {used.uncounted:,} answers the endpoint says no tokens" if used.uncounted else ""
    lines = [f"{used.answers:,} answers, {used.new:,} of them new: {tokens}, {used.seconds:,.0f} s{cost}{uncounted}"]
    lines += [f"failed {count:,} times: {problem}" for problem, count in judgement.failures.items()]
    return "\n".join([*lines, f"Written: {run / 'judge' / judgement.name}.json"])
