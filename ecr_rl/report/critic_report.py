"""The report of a critic's evaluation: ``evaluation.json``, plots, and the same page in HTML and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from algorithms.evaluators.head_figures import HeadFit
from ecr_rl.evaluation.critic.critic_evaluation import CriticEvaluation
from ecr_rl.evaluation.critic.people_results import PeopleRatings
from ecr_rl.evaluation.critic.people_tables import people_tables
from ecr_rl.evaluation.critic.results import CriticResults
from ecr_rl.evaluation.sensitivity.tables import sensitivity_tables
from ecr_rl.report.critic_plots import draw_critic_plots
from ecr_rl.report.html import render_page
from ecr_rl.tables import NOT_DEFINED, TextTable, bounds, by_chance, markdown_tables, share, shown
from envs.files import write_bytes, write_json, write_text

RESULTS, PAGE, MARKDOWN = "evaluation.json", "index.html", "README.md"
PEOPLE, PEOPLE_MARKDOWN = "people.json", "people.md"
"""What is written where people's ratings alone are evaluated."""
_FITS = ("R2", "R2 with made kinds", "mean", "length", "length, VADER", "Pearson", "Spearman", "mean abs. error")


def write_critic_report(evaluation: CriticEvaluation, name: str, folder: Path) -> Path:
    """Write a critic's report.

    Args:
        evaluation: the evaluation's result.
        name: the critic's name.
        folder: where ``evaluation.json``, ``index.html``, ``README.md`` and ``plots/`` go.

    Returns:
        The page's path.
    """
    plots = draw_critic_plots(evaluation)
    for file, png in plots.items():
        write_bytes(folder / "plots" / file, png)
    write_json(folder / RESULTS, evaluation.results.to_json())
    tables = critic_tables(evaluation.results)
    write_text(
        folder / PAGE, render_page("critic.html.j2", plots, name=name, results=evaluation.results, tables=tables)
    )
    write_text(folder / MARKDOWN, _markdown(name, evaluation.results, tables, list(plots)))
    return folder / PAGE


def write_people_report(people: PeopleRatings, name: str, folder: Path) -> Path:
    """Write a critic's figures beside people's ratings alone, as ``people.json`` and ``people.md``.

    Returns:
        The path of the page in Markdown.
    """
    write_json(folder / PEOPLE, {"people_ratings": people.to_json()})
    write_text(folder / PEOPLE_MARKDOWN, f"# Critic {name}\n\n{markdown_tables(people_tables(people))}")
    return folder / PEOPLE_MARKDOWN


def critic_tables(results: CriticResults) -> list[TextTable]:
    """The report's tables."""
    made = [table(results) for table in (_head_table, _context_table, _kind_table, _calibration_table)]
    made += [*sensitivity_tables(results.sensitivity), _people_table(results)]
    return [*made, *people_tables(results.people_ratings)]


def _head_table(results: CriticResults) -> TextTable:
    rows = [
        [name, fit.over, str(fit.n), *map(shown, _numbers(fit)), _above_length(fit)]
        for name, fit in results.heads.items()
    ]
    note = (
        f"{results.n} human replies of the {results.split} split; BLEU on {results.n_made} made ones. R2 = 1 "
        "- sum (y - p)^2 / sum (y - mean y)^2. Mean, length and VADER: least squares on these very labels. Last "
        "column: R2 above length alone, 95 % interval, 1,000 resamples of dialogues. No data: a head without labels. "
        f"{by_chance(fit.interval or None for fit in results.heads.values())}"
    )
    return TextTable("Heads", note, ["head", "over", "n", *_FITS, "above length"], rows)


def _numbers(fit: HeadFit) -> tuple[float | None, ...]:
    """What stands under ``_FITS``."""
    return fit.r2, fit.r2_all, fit.r2_mean, fit.r2_length, fit.r2_linear, fit.pearson, fit.spearman, fit.mae


def _above_length(fit: HeadFit) -> str:
    return bounds(*fit.interval["r2_above_length"]) if fit.interval else NOT_DEFINED


def _context_table(results: CriticResults) -> TextTable:
    forms = results.contexts
    heads = list(next(iter(forms.values()), {}))
    rows = [
        [head, *(shown(number) for fits in forms.values() for number in (fits[head].r2, fits[head].spearman))]
        for head in heads
    ]
    note = (
        "The same scores of human replies against labels of the judge that is told the words and film facts alone "
        "(plain), or emotions and the seeker's feeling about films too (rich)."
    )
    columns = ["head", *(f"{column}, {form}" for form in forms for column in ("R2", "Spearman"))]
    return TextTable("Contexts of the judge", note, columns, rows)


def _kind_table(results: CriticResults) -> TextTable:
    rows = []
    for kind, pairs in results.kinds.items():
        critic = (pairs.share_right, pairs.share_right_same_length)
        judge = (pairs.judge_share_right, pairs.judge_share_right_same_length)
        rows.append([kind, pairs.head, str(pairs.n), str(pairs.n_same_length), *map(share, (*critic, *judge))])
    note = (
        "Matched pairs: a human reply and a worse one made of it; share ranked rightly, ties half; of all pairs, and "
        "of those within 20 % of the same length. The judge's own share is what a critic cannot be expected to pass."
    )
    columns = ["kind", "head", "pairs", "like length", "right", "right, like length", "judge", "judge, like length"]
    return TextTable("Kinds", note, columns, rows)


def _calibration_table(results: CriticResults) -> TextTable:
    rows = []
    for name, fit in results.heads.items():
        evaluation = fit.calibration
        rows.append(
            [
                name,
                *map(shown, (evaluation.error, evaluation.within_1, evaluation.within_2, evaluation.spread_spearman)),
            ]
        )
    note = (
        "Mean distance of score and label in ten bins; labels within one and two spreads (.683 and .954 for a normal "
        "error); rank correlation of spread and absolute error."
    )
    return TextTable("Calibration", note, ["head", "bins", "within 1", "within 2", "Spearman"], rows)


def _people_table(results: CriticResults) -> TextTable:
    rows = [
        [source, agreement.head, " / ".join(map(str, agreement.n)), shown(agreement.auc)]
        for source, agreement in results.people.items()
    ]
    note = "Area under the ROC curve against what people said, in no way by the rubric."
    return TextTable("People", note, ["source", "head", "n", "AUC"], rows)


def _markdown(name: str, results: CriticResults, tables: Sequence[TextTable], plots: Sequence[str]) -> str:
    head = f"# Critic {name}\n\nJudge: {results.judge}; seed {results.seed}.\n\n"
    return head + markdown_tables(tables) + "".join(f"![{plot}](plots/{plot})\n" for plot in plots)
