"""The report of a sweep: one HTML page with its tables and plots."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from algorithms.evaluators.regression_figures import spearman
from ecr_rl.config import load_config
from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.report.sweep_plots import draw_sweep_plots, pareto_front, short
from ecr_rl.report.verdicts import figure
from ecr_rl.settings_file import read_mapping
from ecr_rl.tables import shown, table_lines, with_interval
from envs.files import write_bytes, write_text
from envs.heads import Head

FOLDER, PAGE = "report", "index.html"
_RESAMPLES = 2000
_COMPARED = ("reward", "dist2", "repetition", "length", "kl")
"""Figures of the comparison that are shown after the held-out heads."""


def write_sweep_report(folder: Path) -> Path:
    """Write ``report/index.html`` and its plots from a sweep folder's files; returns the page."""
    found = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    sweep = read_mapping(folder / "sweep.yaml")
    config = load_config(folder / "config.yaml")
    scored = [trial for trial in found["trials"] if trial["objective"] is not None]
    importance = importance_of(scored)
    plots = draw_sweep_plots(scored, importance)
    for name, png in plots.items():
        write_bytes(folder / FOLDER / "plots" / name, png)
    environment = Environment(
        loader=PackageLoader("ecr_rl.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    comparison = found["comparison"]
    html = environment.get_template("sweep.html.j2").render(
        name=found["name"],
        verdict=verdict(comparison),
        trials=[_trial_row(trial) for trial in sorted(scored, key=lambda trial: -trial["objective"])],
        settings=list(map(short, scored[0]["config"])) if scored else [],
        failed=[trial for trial in found["trials"] if trial["objective"] is None],
        front=[trial["trial"] for trial in pareto_front(scored)],
        compared=[] if comparison is None else _compared(comparison, config.head_definitions),
        comparison=comparison,
        winner=found["winner"],
        importance=_importance_rows(importance),
        plots={name: base64.b64encode(png).decode("ascii") for name, png in plots.items()},
        sweep=sweep,
        select_dialogues=config.ppo.select_dialogues,
        test_dialogues=config.evaluation.dialogues,
        yaml=yaml.safe_dump(sweep, sort_keys=False, allow_unicode=True),
    )
    write_text(folder / FOLDER / PAGE, html)
    return folder / FOLDER / PAGE


def outcome(folder: Path) -> str:
    """A sweep's outcome as Markdown: how long, the verdict, the trials."""
    found = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    trials = sorted(found["trials"], key=lambda trial: -(trial["objective"] or -1.0))
    ended = Counter(trial["status"] for trial in trials)
    counted = ", ".join(f"{count} {status}" for status, count in ended.items())
    minutes = {name: f"{seconds / 60:.0f} minutes" for name, seconds in found["seconds"].items()}
    if json.loads((folder / "run.json").read_text(encoding="utf-8"))["resumed"]:
        minutes = dict.fromkeys(minutes, "several starts")
    header = ["trial", "objective", "KL", "DIST-2", "iterations", *map(short, trials[0]["config"])]
    cells = map(_trial_row, trials)
    columns = ("trial", "objective", "kl", "dist2", "iterations")
    rows = [[*(str(row[column]) for column in columns), *row["values"]] for row in cells]
    table = table_lines(header, rows, ["---", *["---:"] * (len(header) - 1)])
    finals = f", final trainings in {minutes['finals']}" if found["comparison"] else ""
    return (
        f"{len(trials)} trials ({counted}) in {minutes['search']}{finals}. {verdict(found['comparison'])}\n\n{table}\n"
    )


def verdict(comparison: Mapping[str, Any] | None) -> str:
    """The conclusion of the final trainings on the weights, in a sentence."""
    if comparison is None:
        return "The winner was not compared with equal weights: final.seeds is 0."
    judged = comparison["difference"]["held_out_overall"]
    if judged is None:
        return "The final trainings gave no held-out scores to compare."
    gain = f"{with_interval(Interval(**judged), signed=True)} standard deviations"
    over = (
        f"over {comparison['runs']} seed{'' if comparison['runs'] == 1 else 's'} and {comparison['n']} test dialogues"
    )
    if comparison["beats"]:
        return f"The winner beats equal weights: held_out_overall {gain} {over}."
    if judged["high"] < 0:
        return f"The winner is worse than equal weights on new dialogues: held_out_overall {gain} {over}."
    return (
        f"The weights make no difference that this sweep can see: held_out_overall {gain} {over}. The interval is "
        f"{comparison['width']:.3f} wide; the smallest effect found in four of five such runs is "
        f"{comparison['smallest_effect']:.3f}."
    )


def importance_of(trials: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Spearman's rank correlation with the objective, for each numeric setting that varies.

    Returns:
        ``correlation``, and ``low`` and ``high`` of its 95 % percentile interval over resampled trials; nothing of
        fewer than four trials.
    """
    if len(trials) < 4:
        return {}
    objective = np.array([trial["objective"] for trial in trials])
    rng = np.random.default_rng(0)
    draws = [rng.integers(len(trials), size=len(trials)) for _ in range(_RESAMPLES)]
    found = {}
    for key, first in trials[0]["config"].items():
        if isinstance(first, bool) or not isinstance(first, int | float):
            continue
        values = np.array([trial["config"][key] for trial in trials], dtype=float)
        if len(set(values)) < 2:
            continue
        resampled = [
            spearman(values[draw], objective[draw])
            for draw in draws
            if len(set(values[draw])) > 1 and len(set(objective[draw])) > 1
        ]
        if not resampled:
            continue
        low, high = np.quantile(resampled, [0.025, 0.975])
        found[key] = {
            "correlation": spearman(values, objective),
            "low": float(low),
            "high": float(high),
        }
    return found


def _trial_row(trial: Mapping[str, Any]) -> dict[str, Any]:
    figures = trial["figures"]
    return {
        "trial": trial["trial"],
        "status": trial["status"],
        "iterations": trial["iterations"],
        "minutes": f"{trial['seconds'] / 60:.1f}",
        "objective": shown(trial["objective"]),
        "kl": shown(figures["kl"]),
        "dist2": shown(figures["dist2"]),
        "values": [f"{value:.3g}" if isinstance(value, float) else str(value) for value in trial["config"].values()],
    }


def _compared(comparison: Mapping[str, Any], heads: Sequence[Head]) -> list[tuple[str, str, list[str]]]:
    """For each figure winner - equal weights, over all seeds and for each seed."""
    held_out = [f"held_out_{head.name}" for head in heads if head.judged and head.name != "overall"]
    names = ("held_out_overall", "held_out_overall_length_matched", *held_out, *_COMPARED)
    return [
        (
            name,
            with_interval(figure(comparison["difference"], name)),
            [shown(None if each[name] is None else each[name]["mean"]) for each in comparison["each"]],
        )
        for name in names
        if name in comparison["difference"]
    ]


def _importance_rows(importance: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str]]:
    order = sorted(importance, key=lambda key: -abs(importance[key]["correlation"]))
    found = {key: Interval(row["correlation"], row["low"], row["high"]) for key, row in importance.items()}
    return [(key, with_interval(found[key])) for key in order]
