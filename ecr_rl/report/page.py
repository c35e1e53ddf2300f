"""The report as one self-contained HTML page: no script, no address outside the file, every text escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ecr_rl.config import RunConfig, config_yaml
from ecr_rl.evaluation.conversations.definitions import (
    REWARD_FIGURE,
    SYSTEMS,
    Definition,
    main_figures,
    more_figures,
    part_definition,
)
from ecr_rl.evaluation.conversations.records import ConversationRecord, TurnRecord
from ecr_rl.report.facts import fact_rows
from ecr_rl.report.verdicts import (
    MARKS,
    agreement_rows,
    figure,
    limits,
    mean_and_interval,
    percent,
    protocol,
    reading,
)

CARDS = ("reward", "held_out_overall", "dist2", "length")
"""The figures shown large at the top."""
READINGS = {
    "better": "better, interval excludes\u00a00",
    "worse": "worse, interval excludes\u00a00",
    "changed": "changed, interval excludes\u00a00",
    "unclear": "interval includes\u00a00",
    "no data": "no data",
}
Pair = tuple[ConversationRecord, ConversationRecord]


@dataclass(frozen=True)
class ReportPage:
    """The content of the page.

    Attributes:
        report: the content of ``report.json``.
        plots: PNG by file name.
        samples: the sample conversations, baseline and rl of one dialogue each.
        config: the run's settings.
    """

    report: Mapping[str, Any]
    plots: Mapping[str, bytes]
    samples: Sequence[Pair]
    config: RunConfig


def render(page: ReportPage) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=PackageLoader("ecr_rl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["minus"] = _minus
    report, heads = page.report, page.config.head_definitions
    figures = main_figures(heads)
    parts = [
        part_definition(name.removeprefix("part_")) for name in report["more"]["difference"] if name.startswith("part_")
    ]
    return environment.get_template("index.html.j2").render(
        name=page.config.name,
        verdict=report["verdict"],
        bars=report["bars"],
        outcome=_outcome(report),
        cards=[_row(definition, report) for definition in figures if definition.name in CARDS],
        groups=_groups(figures, report),
        more=_groups((*more_figures(heads), *parts), report["more"]),
        sacrebleu=report["more"]["sacrebleu"],
        agreement=agreement_rows(report),
        frequent=_frequent(report["frequent"]),
        protocol=protocol(report, page.config),
        marks=MARKS,
        plots={name: base64.b64encode(content).decode("ascii") for name, content in page.plots.items()},
        facts=fact_rows(report["facts"]),
        samples=[_sample(pair) for pair in page.samples],
        limits=limits(report, page.config),
        command=report["command"],
        config=config_yaml(page.config),
    )


def _frequent(systems: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, str, str, str]]:
    """The most frequent replies of both systems side by side: share and text of each, empty where there are fewer."""
    columns = [[(percent(each["share"], ".1f"), each["reply"]) for each in systems[name]] for name in SYSTEMS]
    return [(*mine, *theirs) for mine, theirs in zip_longest(*columns, fillvalue=("", ""))]


def _minus(text: str) -> str:
    """A number's hyphen as a minus sign of a digit's width."""
    return text.replace("-", "\u2212")


def _outcome(report: Mapping[str, Any]) -> str:
    return reading(REWARD_FIGURE, figure(report["difference"], "reward")).replace(" ", "-")


def _groups(definitions: Sequence[Definition], section: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows under their headings; a heading shows the formula that all rows of its group share."""
    groups = []
    for title, members in groupby(definitions, key=lambda definition: definition.group):
        rows = [_row(definition, section) for definition in members]
        formulas = {row["formula"] for row in rows}
        shared = formulas.pop() if len(rows) > 1 and len(formulas) == 1 else ""
        groups.append({"title": title, "formula": shared, "rows": rows})
    return groups


def _row(definition: Definition, section: Mapping[str, Any]) -> dict[str, Any]:
    """One figure as text: baseline, rl, difference, and the reading of the difference."""
    baseline, rl = (figure(section["systems"][system], definition.name) for system in SYSTEMS)
    difference = figure(section["difference"], definition.name)
    found = reading(definition, difference)
    return {
        "name": definition.name,
        "label": definition.label,
        "formula": definition.formula,
        "baseline": _cells(mean_and_interval(baseline, definition.decimals)),
        "rl": _cells(mean_and_interval(rl, definition.decimals)),
        "difference": _cells(mean_and_interval(difference, definition.decimals, signed=True)),
        "reading": READINGS[found],
        "mark": MARKS[found],
        "kind": found.replace(" ", "-"),
    }


def _cells(text: str) -> tuple[str, str]:
    """Split mean and interval: ``("0.41", "[0.38, 0.45]")``; without data the interval is empty."""
    mean, bracket, rest = text.partition(" [")
    return mean if bracket else text, f"[{rest}" if bracket else ""


def _sample(pair: Pair) -> dict[str, Any]:
    """One dialogue: its opening, and the two systems' turns side by side; None where one has ended."""
    baseline, rl = pair
    return {
        "index": baseline.index,
        "repeat": baseline.repeat,
        "conversation_id": baseline.conversation_id,
        "opening": baseline.history,
        "turns": list(zip_longest(map(_turn, baseline.turns), map(_turn, rl.turns))),
        "lengths": [len(record.turns) for record in pair],
        "rewards": [_mean([turn.reward for turn in record.turns]) for record in pair],
    }


def _turn(turn: TurnRecord) -> dict[str, Any]:
    heads = [(head, score, min(max(score, 0.0), 1.0)) for head, score in turn.heads.items()]
    notes = [note for note, holds in (("accepted", turn.accepted), ("cut at the token limit", turn.cut)) if holds]
    return {
        "reply": turn.reply,
        "answer": turn.answer,
        "heads": [(head, f"{score:.2f}", f"{share:.0%}") for head, score, share in heads],
        "reward": f"{turn.reward:+.2f}",
        "held_out": f"{turn.held_out['overall']:.2f}" if "overall" in turn.held_out else None,
        "notes": notes,
    }


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):+.2f}" if values else "no turns"
