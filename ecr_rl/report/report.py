"""A run's report: reads its records, metrics and settings, writes ``report.json``, the plots and the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecr_rl.config import RunConfig
from ecr_rl.evaluation.conversations.comparison import Comparison
from ecr_rl.evaluation.conversations.definitions import own_figures
from ecr_rl.evaluation.conversations.figures import compare
from ecr_rl.evaluation.conversations.records import ConversationRecord, read_records
from ecr_rl.evaluation.language_judge.result import current
from ecr_rl.evaluation.language_judge.tables import judge_tables
from ecr_rl.report.criteria import criteria_of, sentence
from ecr_rl.report.curves import Curves, read_curves
from ecr_rl.report.facts import clean_facts
from ecr_rl.report.page import Pair, ReportPage, render
from ecr_rl.report.plots import draw_plots
from ecr_rl.report.record import Report
from ecr_rl.report.verdicts import protocol, verdict
from ecr_rl.runs.folder import RunFolder
from envs.corpora.spread import evenly_spread
from envs.errors import RunError
from envs.files import write_bytes, write_json, write_text


def write_report_of(run: RunFolder) -> Report:
    """Write the report of an evaluated run, as stage ``report``; returns what ``report/report.json`` says."""
    run.rewind("report", 0)
    with run.stage("report", 1) as stage:
        report = write_report(run.path)
        stage.update(1, 1, {})
    return report


def write_report(run: Path) -> Report:
    """Write ``report/report.json``, ``report/index.html`` and ``report/*.png`` of a run folder, each atomically.

    Reads ``config.yaml``, ``evaluation/{baseline,rl}.jsonl``, ``evaluation/summary.json`` (the run's facts, with the
    command under ``command``), ``metrics.jsonl``, and what language models said of these conversations in
    ``judge/*.json``. The same files give the same report.

    Returns:
        The content of ``report.json``.

    Raises:
        RunError: a file of the run is missing or unreadable.
        DataError: a record that cannot be read, or two systems that were not evaluated on the same dialogues.
    """
    config, curves = RunFolder.open(run).config, read_curves(run)
    summary = _summary(run / "evaluation" / "summary.json")
    baseline, rl = (read_records(run / "evaluation" / f"{system}.jsonl") for system in ("baseline", "rl"))
    heads = config.head_definitions
    own = own_figures(config.evaluation.figures, heads)
    comparison = compare(baseline, rl, heads, own, resamples=config.evaluation.resamples, seed=config.seed)
    report = _report(comparison, summary, curves, config)
    plots = draw_plots(report, curves, heads)
    pairs = sample_pairs(list(zip(_sorted(baseline), _sorted(rl), strict=True)), config.evaluation.samples)
    page = render(ReportPage(report, plots, pairs, config, judge_tables(current(run))))
    folder = run / "report"
    for name, content in plots.items():
        write_bytes(folder / name, content)
    write_text(folder / "index.html", page)
    write_json(folder / "report.json", report.to_json())
    return report


def sample_pairs(pairs: list[Pair], count: int) -> list[Pair]:
    """``count`` conversations, spread evenly, in their order; those without turns are left out."""
    spoken = [pair for pair in pairs if pair[0].turns and pair[1].turns]
    return [spoken[index] for index in evenly_spread(len(spoken), count)]


def _report(comparison: Comparison, summary: dict[str, Any], curves: Curves, config: RunConfig) -> Report:
    command = summary.pop("command", None)
    iterations = {"iterations": int(curves.steps[-1])} if curves.steps.size else {}
    facts, missing = clean_facts(iterations | summary)
    bars = criteria_of(comparison, config.ppo.kl_target, config.head_definitions)
    return Report.extending(
        comparison,
        missing=[*comparison.missing, *(f"facts.{name}" for name in missing)],
        facts=facts,
        protocol=protocol(comparison, config),
        verdict=[*verdict(comparison), sentence(bars)],
        bars=bars,
        command=command,
    )


def _sorted(records: list[ConversationRecord]) -> list[ConversationRecord]:
    return sorted(records, key=lambda record: record.key)


def _summary(file: Path) -> dict[str, Any]:
    """The facts of the run; they may hold NaN, which ``clean_facts`` removes."""
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(
            f"{file}: no such file. Evaluate the run first: the report reads what evaluation wrote"
        ) from error
    except json.JSONDecodeError as error:
        raise RunError(f"{file}: not JSON ({error}). Evaluate the run again") from error
    if not isinstance(facts, dict):
        raise RunError(f"{file}: an object of facts is expected, this is a {type(facts).__name__}")
    return facts
