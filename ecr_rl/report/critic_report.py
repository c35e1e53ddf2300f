"""The report of a critic's evaluation: ``evaluation.json``, plots, and the same page in HTML and Markdown."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ecr_rl.evaluation.critic.critic_evaluation import CriticEvaluation
from ecr_rl.report.critic_plots import draw_critic_plots
from ecr_rl.tables import TextTable, bounds, markdown_tables, share, shown
from envs.files import write_bytes, write_json, write_text

FIGURES, PAGE, MARKDOWN = "evaluation.json", "index.html", "README.md"
_HEADS = {
    "r2": "R2",
    "r2_all": "R2 with made kinds",
    "r2_mean": "mean",
    "r2_length": "length",
    "r2_linear": "length, VADER",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "mae": "mean abs. error",
}


def write_critic_report(found: CriticEvaluation, name: str, folder: Path) -> Path:
    """Write a critic's report.

    Args:
        found: the evaluation's result.
        name: the critic's name.
        folder: where ``evaluation.json``, ``index.html``, ``README.md`` and ``plots/`` go.

    Returns:
        The page's path.
    """
    plots = draw_critic_plots(found)
    for file, png in plots.items():
        write_bytes(folder / "plots" / file, png)
    write_json(folder / FIGURES, found.figures)
    environment = Environment(
        loader=PackageLoader("ecr_rl.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    tables = critic_tables(found.figures)
    shown = {file: base64.b64encode(png).decode() for file, png in plots.items()}
    html = environment.get_template("critic.html.j2").render(
        name=name, figures=found.figures, tables=tables, plots=shown
    )
    write_text(folder / PAGE, html)
    write_text(folder / MARKDOWN, _markdown(name, found.figures, tables, list(plots)))
    return folder / PAGE


def critic_tables(figures: dict[str, Any]) -> list[TextTable]:
    """The report's tables."""
    made = (_head_table, _context_table, _kind_table, _calibration_table, _sensitivity_table, _people_table)
    return [table(figures) for table in made]


def _head_table(figures: dict[str, Any]) -> TextTable:
    rows = [
        [name, row["over"], str(row["n"]), *(shown(row[column]) for column in _HEADS), _interval(row)]
        for name, row in figures["heads"].items()
    ]
    note = (
        f"{figures['n']} human replies of the {figures['split']} split; BLEU on {figures['n_made']} made ones. R2 = 1 "
        "- sum (y - p)^2 / sum (y - mean y)^2. Mean, length and VADER: least squares on these very labels. Last "
        "column: R2 above length alone, 95 % interval, 1,000 resamples of dialogues."
    )
    return TextTable("Heads", note, ["head", "over", "n", *_HEADS.values(), "above length"], rows)


def _context_table(figures: dict[str, Any]) -> TextTable:
    forms = figures["contexts"]
    heads = list(next(iter(forms.values()), {}))
    rows = [[head, *(shown(row[head][key]) for row in forms.values() for key in ("r2", "spearman"))] for head in heads]
    note = (
        "The same scores of human replies against labels of the judge that is told the words and film facts alone "
        "(plain), or emotions and the seeker's feeling about films too (rich)."
    )
    columns = ["head", *(f"{column}, {form}" for form in forms for column in ("R2", "Spearman"))]
    return TextTable("Contexts of the judge", note, columns, rows)


def _kind_table(figures: dict[str, Any]) -> TextTable:
    shares = ("share_right", "share_right_same_length", "judge_share_right", "judge_share_right_same_length")
    rows = [
        [kind, row["head"], str(row["n"]), str(row["n_same_length"]), *(share(row[name]) for name in shares)]
        for kind, row in figures["kinds"].items()
    ]
    note = (
        "Matched pairs: a human reply and a worse one made of it; share ranked rightly, ties half; of all pairs, and "
        "of those within 20 % of the same length. The judge's own share is what a critic cannot be expected to pass."
    )
    columns = ["kind", "head", "pairs", "like length", "right", "right, like length", "judge", "judge, like length"]
    return TextTable("Kinds", note, columns, rows)


def _calibration_table(figures: dict[str, Any]) -> TextTable:
    keys = ("error", "within_1", "within_2", "spread_spearman")
    rows = [[name, *(shown(row["calibration"][key]) for key in keys)] for name, row in figures["heads"].items()]
    note = (
        "Mean distance of score and label in ten bins; labels within one and two spreads (.683 and .954 for a normal "
        "error); rank correlation of spread and absolute error."
    )
    return TextTable("Calibration", note, ["head", "bins", "within 1", "within 2", "Spearman"], rows)


def _sensitivity_table(figures: dict[str, Any]) -> TextTable:
    rows = [
        [edit, name, str(row["n"]), f"{move['change']:+.3f}", move["expected"], "yes" if move["ok"] else "no"]
        for edit, row in figures["sensitivity"].items()
        for name, move in row["heads"].items()
        if move["expected"]
    ]
    note = "Mean change by an edit of human replies, and whether it is as it should be."
    return TextTable("Sensitivity", note, ["edit", "head", "n", "change", "should be", "ok"], rows)


def _people_table(figures: dict[str, Any]) -> TextTable:
    rows = [
        [source, row["head"], " / ".join(map(str, row["n"])), shown(row["auc"])]
        for source, row in figures["people"].items()
    ]
    note = "Area under the ROC curve against what people said, in no way by the rubric."
    return TextTable("People", note, ["source", "head", "n", "AUC"], rows)


def _interval(row: dict[str, Any]) -> str:
    low, high = row.get("interval", {}).get("r2_above_length", (None, None))
    return "-" if low is None else bounds(low, high)


def _markdown(name: str, figures: dict[str, Any], tables: Sequence[TextTable], plots: Sequence[str]) -> str:
    head = f"# Critic {name}\n\nJudge: {figures['judge']}; seed {figures['seed']}.\n\n"
    return head + markdown_tables(tables) + "".join(f"![{plot}](plots/{plot})\n" for plot in plots)
