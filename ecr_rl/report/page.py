"""The report as one self-contained HTML page: no script, no address outside the file, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from ecr_rl.config import RunConfig, config_yaml
from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.conversations.builtin_figures import REWARD_FIGURE
from ecr_rl.evaluation.conversations.comparison import FrequentReply, Section, Systems
from ecr_rl.evaluation.conversations.definitions import (
    main_figures,
    more_figures,
    own_figures,
    part_definition,
)
from ecr_rl.evaluation.conversations.figure_definition import Definition
from ecr_rl.evaluation.conversations.records import ConversationRecord, Line, TurnRecord
from ecr_rl.report.facts import CONSTRAINED, choice_rows, constraint_sentences, fact_rows
from ecr_rl.report.html import render_page
from ecr_rl.report.record import Report
from ecr_rl.report.verdicts import (
    MARKS,
    NO_DATA,
    agreement_rows,
    limits,
    percent,
    protocol,
    reading,
)
from ecr_rl.tables import TextTable, bounds, by_chance, shown

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
        report: what ``report.json`` says.
        plots: PNG by file name.
        samples: the sample conversations, baseline and rl of one dialogue each.
        config: the run's settings.
        judged: what language models said of the conversations.
    """

    report: Report
    plots: Mapping[str, bytes]
    samples: Sequence[Pair]
    config: RunConfig
    judged: Sequence[TextTable] = ()


def render(page: ReportPage) -> str:
    """The page's HTML."""
    report, heads = page.report, page.config.head_definitions
    figures, own = main_figures(heads), own_figures(page.config.evaluation.figures, heads)
    parts = [part_definition(name.removeprefix("part_")) for name in report.more.difference if name.startswith("part_")]
    return render_page(
        "index.html.j2",
        page.plots,
        name=page.config.name,
        verdict=report.verdict,
        bars=report.bars,
        outcome=_outcome(report),
        cards=[_row(definition, report) for definition in figures if definition.name in CARDS],
        groups=_groups(figures, report),
        by_chance=by_chance(report.difference.values()),
        more=_groups((*more_figures(heads, own), *parts), report.more),
        more_by_chance=by_chance(report.more.difference.values()),
        sacrebleu=report.more.sacrebleu,
        agreement=agreement_rows(report),
        agreement_by_chance=by_chance((report.agreement.baseline, report.agreement.rl, report.agreement.gain)),
        frequent=_frequent(report.frequent),
        judged=page.judged,
        protocol=protocol(report, page.config),
        marks=MARKS,
        facts=fact_rows(report.facts),
        choice=choice_rows(report.facts),
        constrained=list(CONSTRAINED.values()),
        constraints=constraint_sentences(report.facts),
        samples=[_sample(pair) for pair in page.samples],
        limits=limits(report, page.config),
        command=report.command,
        config=config_yaml(page.config),
    )


def _frequent(systems: Systems[list[FrequentReply]]) -> list[tuple[str, str, str, str]]:
    """The most frequent replies of both systems side by side: share and text of each, empty where there are fewer."""
    columns = [[(percent(each.share, ".1f"), each.reply) for each in replies] for _, replies in systems.items()]
    return [(*mine, *theirs) for mine, theirs in zip_longest(*columns, fillvalue=("", ""))]


def _outcome(report: Report) -> str:
    return reading(REWARD_FIGURE, report.difference["reward"]).replace(" ", "-")


@dataclass(frozen=True, slots=True)
class _Row:
    """One figure as text; of both systems and the difference the mean and its interval."""

    label: str
    formula: str
    baseline: tuple[str, str]
    rl: tuple[str, str]
    difference: tuple[str, str]
    reading: str
    mark: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows under a heading, which shows the formula that all of them share."""

    title: str
    formula: str
    rows: list[_Row]


def _groups(definitions: Sequence[Definition], section: Section) -> list[_Group]:
    groups = []
    for title, members in groupby(definitions, key=lambda definition: definition.group):
        rows = [_row(definition, section) for definition in members]
        formulas = {row.formula for row in rows}
        groups.append(_Group(title, formulas.pop() if len(rows) > 1 and len(formulas) == 1 else "", rows))
    return groups


def _row(definition: Definition, section: Section) -> _Row:
    name, form = definition.name, f".{definition.decimals}f"
    difference = section.difference[name]
    change = reading(definition, difference)
    return _Row(
        label=definition.label,
        formula=definition.formula,
        baseline=_cells(section.systems.baseline[name], form),
        rl=_cells(section.systems.rl[name], form),
        difference=_cells(difference, form, signed=True),
        reading=READINGS[change],
        mark=MARKS[change],
        kind=change.replace(" ", "-"),
    )


def _cells(value: Interval | None, form: str, *, signed: bool = False) -> tuple[str, str]:
    """Mean and interval apart: ``("0.41", "[0.38, 0.45]")``; without data the interval is empty."""
    if value is None:
        return NO_DATA, ""
    return shown(value.mean, form, signed=signed), bounds(value.low, value.high, form, signed=signed)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn as text; of each head its name, its score and the share of its bar that is filled."""

    reply: str
    answer: str
    heads: list[tuple[str, str, str]]
    reward: str
    held_out: str | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Sample:
    """One dialogue: its opening, and the two systems' turns side by side; None where one has ended."""

    index: int
    repeat: int
    conversation_id: int | None
    opening: list[Line]
    turns: list[tuple[_Turn | None, _Turn | None]]
    lengths: list[int]
    rewards: list[str]


def _sample(pair: Pair) -> _Sample:
    baseline, rl = pair
    return _Sample(
        index=baseline.index,
        repeat=baseline.repeat,
        conversation_id=baseline.conversation_id,
        opening=baseline.history,
        turns=list(zip_longest(map(_turn, baseline.turns), map(_turn, rl.turns))),
        lengths=[len(record.turns) for record in pair],
        rewards=[_mean([turn.reward for turn in record.turns]) for record in pair],
    )


def _turn(turn: TurnRecord) -> _Turn:
    heads = [(head, score, min(max(score, 0.0), 1.0)) for head, score in turn.heads.items()]
    return _Turn(
        reply=turn.reply,
        answer=turn.answer,
        heads=[(head, f"{score:.2f}", f"{share:.0%}") for head, score, share in heads],
        reward=f"{turn.reward:+.2f}",
        held_out=f"{turn.held_out['overall']:.2f}" if "overall" in turn.held_out else None,
        notes=[note for note, holds in (("accepted", turn.accepted), ("cut at the token limit", turn.cut)) if holds],
    )


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):+.2f}" if values else "no turns"
