"""The report's figures as a Markdown table for a README."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_rl.evaluation.conversations.definitions import main_figures
from ecr_rl.report.record import Report
from ecr_rl.report.verdicts import MARKS, marked, mean_and_interval, percent, reading
from ecr_rl.tables import by_chance, table_lines
from envs.heads import Head

HEADER = ("figure", "baseline", "rl", "difference", "")
LEGEND = f"{MARKS['better']} better, {MARKS['worse']} worse, {MARKS['changed']} changed: the interval excludes 0"


def markdown_table(report: Report, heads: Sequence[Head]) -> str:
    """The figures with intervals as a Markdown table, n, intervals and the bars that are met below it."""
    bootstrap = report.bootstrap
    names = [definition.name for definition in main_figures(heads)]
    rows = ((f"`{name}`", *cells) for name, *cells in _rows(report, heads))
    table = table_lines(HEADER, rows, ("---", "---:", "---:", "---:", "---"))
    note = (
        f"{report.n} held-out dialogues; mean [{percent(bootstrap.coverage)} paired bootstrap interval, "
        f"{bootstrap.resamples:,} resamples]; difference = rl - baseline. Intervals are over dialogues and speak of "
        f"this one training run. {by_chance(report.difference[name] for name in names)} {LEGEND}."
    )
    return f"{table}\n\n{note}\n\n{report.verdict[-1]}\n"


def _rows(report: Report, heads: Sequence[Head]) -> list[tuple[str, ...]]:
    return [
        (
            definition.name,
            mean_and_interval(report.systems.baseline[definition.name], definition.decimals),
            mean_and_interval(report.systems.rl[definition.name], definition.decimals),
            mean_and_interval(report.difference[definition.name], definition.decimals, signed=True),
            marked(reading(definition, report.difference[definition.name])),
        )
        for definition in main_figures(heads)
    ]
