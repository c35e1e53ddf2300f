"""The report of a sweep: one HTML page with its tables and plots."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from algorithms.evaluators.regression_figures import spearman
from ecr_rl.config import load_config
from ecr_rl.evaluation.bootstrap import Interval, percentiles
from ecr_rl.evaluation.conversations.builtin_figures import RUBRIC_FIGURE
from ecr_rl.report.html import render_page
from ecr_rl.report.sweep_plots import draw_sweep_plots, pareto_front, short
from ecr_rl.report.sweep_record import CandidateComparison, ScoredTrial, SweepRecord, TrialRecord, read_sweep
from ecr_rl.settings_file import read_mapping
from ecr_rl.tables import by_chance, shown, table_lines, with_interval
from ecr_rl.yaml_text import write_yaml
from envs.files import write_bytes, write_text
from envs.heads import Head

FOLDER, PAGE = "report", "index.html"
_RESAMPLES = 2000
_COMPARED = ("reward", "dist2", "repetition", "length", "kl")
"""Figures of the comparison that are shown after the held-out heads."""


def write_sweep_report(folder: Path) -> Path:
    """Write ``report/index.html`` and its plots from a sweep folder's files; returns the page."""
    result = read_sweep(folder / "sweep.json")
    sweep = read_mapping(folder / "sweep.yaml")
    config = load_config(folder / "config.yaml")
    scored, comparison = result.scored, result.comparison
    importance = importance_of(scored)
    plots = draw_sweep_plots(scored, importance)
    for name, png in plots.items():
        write_bytes(folder / FOLDER / "plots" / name, png)
    html = render_page(
        "sweep.html.j2",
        plots,
        name=result.name,
        verdict=verdict(comparison),
        violations=violations(result),
        trials=[_trial_row(trial) for trial in result.best_first if trial.objective is not None],
        settings=list(map(short, scored[0].record.config)) if scored else [],
        failed=[trial for trial in result.trials if trial.objective is None],
        front=[trial.record.trial for trial in pareto_front(scored)],
        compared=[] if comparison is None else _compared(comparison, config.head_definitions),
        comparison=comparison,
        by_chance="" if comparison is None else _compared_by_chance(comparison, config.head_definitions),
        importance_by_chance=by_chance(importance.values()),
        winner=result.winner,
        importance=_importance_rows(importance),
        sweep=sweep,
        select_dialogues=config.ppo.select_dialogues,
        test_dialogues=config.evaluation.dialogues,
        yaml=write_yaml(sweep),
    )
    write_text(folder / FOLDER / PAGE, html)
    return folder / FOLDER / PAGE


def outcome(folder: Path) -> str:
    """A sweep's outcome as Markdown: how long, the verdict, the trials."""
    result = read_sweep(folder / "sweep.json")
    trials = result.best_first
    ended = Counter(trial.status for trial in trials)
    counted = ", ".join(f"{count} {status}" for status, count in ended.items())
    minutes = {name: f"{seconds / 60:.0f} minutes" for name, seconds in asdict(result.seconds).items()}
    if json.loads((folder / "run.json").read_text(encoding="utf-8"))["resumed"]:
        minutes = dict.fromkeys(minutes, "several starts")
    header = ["trial", "objective", "violates", "KL", "DIST-2", "iterations", *map(short, trials[0].config)]
    cells = map(_trial_row, trials)
    rows = [
        [row.trial, row.objective, row.violates, row.kl, row.dist2, str(row.iterations), *row.values] for row in cells
    ]
    table = table_lines(header, rows, ["---", "---:", "---", *["---:"] * (len(header) - 3)])
    finals = f", final trainings in {minutes['finals']}" if result.comparison else ""
    said = " ".join(filter(None, (verdict(result.comparison), violations(result))))
    return f"{len(trials)} trials ({counted}) in {minutes['search']}{finals}. {said}\n\n{table}\n"


def violations(result: SweepRecord) -> str:
    """How many trials keep a policy that violates a constraint, and whether the winner does; empty where none does."""
    count = sum(bool(trial.figures.violates) for trial in result.trials)
    if not count:
        return ""
    told = f"The kept policy of {count} of {len(result.trials)} trials violates a constraint on what it may lose"
    if not result.winner.figures.violates:
        return f"{told}; all others rank before {'it' if count == 1 else 'them'}."
    return f"{told}, the winner's too: {', '.join(result.winner.figures.violates)}."


def verdict(comparison: CandidateComparison | None) -> str:
    """The conclusion of the final trainings on the weights, in a sentence."""
    if comparison is None:
        return "The winner was not compared with equal weights: final.seeds is 0."
    judged, width, effect = comparison.difference["held_out_overall"], comparison.width, comparison.smallest_effect
    if judged is None or width is None or effect is None:
        return "The final trainings gave no held-out scores to compare."
    gain = f"{with_interval(judged, signed=True)} standard deviations of one conversation{_of_rubric(comparison)}"
    seeds = f"{comparison.runs} seed{'' if comparison.runs == 1 else 's'}"
    over = f"over {seeds} and {comparison.n} test dialogues"
    if comparison.beats:
        return f"The winner beats equal weights: held_out_overall {gain} {over}."
    if judged.high < 0:
        return f"The winner is worse than equal weights on new dialogues: held_out_overall {gain} {over}."
    return (
        f"The weights make no difference that this sweep can see: held_out_overall {gain} {over}. The interval is "
        f"{width:.3f} wide; the smallest effect found in four of five such runs is {effect:.3f}."
    )


def _of_rubric(comparison: CandidateComparison) -> str:
    """The rubric's own score in brackets: the reporting evaluator predicts it, and the reward shares its origin."""
    own = comparison.difference.get(RUBRIC_FIGURE.name)
    if own is None:
        return ""
    return f" (the rubric's own score, of one origin with the reward: {with_interval(own, signed=True)})"


def importance_of(trials: Sequence[ScoredTrial]) -> dict[str, Interval]:
    """Spearman's rank correlation with the objective, for each numeric setting that varies.

    The 95 % percentile intervals are over resampled trials. With fewer than four trials there is no result.
    """
    if len(trials) < 4:
        return {}
    objective = np.array([trial.objective for trial in trials])
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(trials), size=len(trials)) for _ in range(_RESAMPLES)]
    result = {}
    for key, first in trials[0].record.config.items():
        if isinstance(first, bool) or not isinstance(first, int | float):
            continue
        values = np.array([trial.setting(key) for trial in trials])
        if len(set(values)) < 2:
            continue
        resampled = [
            spearman(values[draw], objective[draw])
            for draw in draws
            if len(set(values[draw])) > 1 and len(set(objective[draw])) > 1
        ]
        correlation = percentiles(spearman(values, objective), np.array(resampled))
        if correlation is not None:
            result[key] = correlation
    return result


@dataclass(frozen=True, slots=True)
class _TrialRow:
    """A trial as text; ``values`` are its settings'."""

    trial: str
    status: str
    iterations: int
    minutes: str
    objective: str
    violates: str
    kl: str
    dist2: str
    values: list[str]


def _trial_row(trial: TrialRecord) -> _TrialRow:
    return _TrialRow(
        trial=trial.trial,
        status=trial.status,
        iterations=trial.iterations,
        minutes=f"{trial.seconds / 60:.1f}",
        objective=shown(trial.objective),
        violates=", ".join(trial.figures.violates),
        kl=shown(trial.figures.kl),
        dist2=shown(trial.figures.dist2),
        values=[f"{value:.3g}" if isinstance(value, float) else str(value) for value in trial.config.values()],
    )


def _compared(comparison: CandidateComparison, heads: Sequence[Head]) -> list[tuple[str, str, list[str]]]:
    """For each figure winner - equal weights, over all seeds and for each seed."""
    return [
        (
            name,
            with_interval(comparison.difference[name]),
            [shown(None if (value := each[name]) is None else value.mean) for each in comparison.each],
        )
        for name in _names(comparison, heads)
    ]


def _compared_by_chance(comparison: CandidateComparison, heads: Sequence[Head]) -> str:
    return by_chance(comparison.difference[name] for name in _names(comparison, heads))


def _names(comparison: CandidateComparison, heads: Sequence[Head]) -> list[str]:
    """The figures of the comparison that are shown."""
    held_out = [f"held_out_{head.name}" for head in heads if head.judged and head.name != "overall"]
    names = ("held_out_overall", RUBRIC_FIGURE.name, "held_out_overall_length_matched", *held_out, *_COMPARED)
    return [name for name in names if name in comparison.difference]


def _importance_rows(importance: Mapping[str, Interval]) -> list[tuple[str, str]]:
    order = sorted(importance, key=lambda key: -abs(importance[key].mean))
    return [(key, with_interval(importance[key])) for key in order]
