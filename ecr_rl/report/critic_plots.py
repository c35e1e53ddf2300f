"""Plots of a critic's evaluation as PNG."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from algorithms.evaluators.head_figures import NO_DATA
from algorithms.evaluators.regression_figures import pearson
from ecr_rl.evaluation.critic.critic_evaluation import CriticEvaluation
from ecr_rl.report.plots import BASELINE, RL, STYLE, as_png
from ecr_rl.tables import NOT_DEFINED

_COLUMNS = 3


def draw_critic_plots(evaluation: CriticEvaluation) -> dict[str, bytes]:
    """PNG by file name: scores against labels, residuals, calibration, correlations of the heads."""
    with matplotlib.rc_context(STYLE):
        return {
            "predicted.png": as_png(_predicted(evaluation)),
            "residuals.png": as_png(_residuals(evaluation)),
            "calibration.png": as_png(_calibration(evaluation)),
            "correlations.png": as_png(_correlations(evaluation)),
        }


def _panels(evaluation: CriticEvaluation, height: float) -> tuple[Figure, Iterator[tuple[str, Axes]]]:
    """A plot with a panel for each head, in rows of this height in inches; each head's name with its panel."""
    heads = evaluation.results.heads
    rows = -(-len(heads) // _COLUMNS)
    plot = Figure(figsize=(9.0, height * rows), layout="constrained")
    panels = list(plot.subplots(rows, _COLUMNS, squeeze=False).flat)
    for axes in panels[len(heads) :]:
        axes.set_axis_off()
    for fit, axes in zip(heads.values(), panels, strict=False):
        if fit.over == NO_DATA:
            axes.text(0.5, 0.5, NO_DATA, ha="center", va="center", transform=axes.transAxes)
    return plot, zip(heads, panels, strict=False)


def _head(evaluation: CriticEvaluation, head: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of human replies, or of made ones if human replies have no label; empty without labels."""
    if evaluation.results.heads[head].over == NO_DATA:
        return np.empty(0), np.empty(0)
    columns = evaluation.human.column(head)
    labels, known, scores, _ = columns if columns[1].any() else evaluation.made.column(head)
    return labels[known], scores[known]


def _predicted(evaluation: CriticEvaluation) -> Figure:
    plot, panels = _panels(evaluation, 3.0)
    for head, axes in panels:
        labels, scores = _head(evaluation, head)
        if len(labels):
            axes.hexbin(scores, labels, gridsize=28, extent=(0, 1, 0, 1), cmap="Blues", mincnt=1, bins="log")
        axes.plot([0, 1], [0, 1], color=BASELINE, linewidth=1)
        axes.set(title=head, xlabel="score", ylabel="label", xlim=(0, 1), ylim=(0, 1))
    return plot


def _residuals(evaluation: CriticEvaluation) -> Figure:
    plot, panels = _panels(evaluation, 2.5)
    for head, axes in panels:
        labels, scores = _head(evaluation, head)
        axes.hist(labels - scores, bins=np.linspace(-0.6, 0.6, 49).tolist(), color=RL)
        axes.set(title=head, xlabel="label - score", ylabel="replies")
    return plot


def _calibration(evaluation: CriticEvaluation) -> Figure:
    plot, panels = _panels(evaluation, 3.0)
    for name, axes in panels:
        bins = np.array(evaluation.results.heads[name].calibration.bins).reshape(-1, 2)
        axes.plot([0, 1], [0, 1], color=BASELINE, linewidth=1)
        axes.plot(bins[:, 0], bins[:, 1], "o-", color=RL, markersize=4)
        axes.set(title=name, xlabel="mean score of a tenth", ylabel="mean label", xlim=(0, 1), ylim=(0, 1))
    return plot


def _correlations(evaluation: CriticEvaluation) -> Figure:
    plot = Figure(figsize=(9.0, 4.2), layout="constrained")
    made = evaluation.made
    heads, labels = made.scores.heads, made.labels
    columns = labels.columns(heads)
    known = np.where(labels.known[:, columns], labels.values[:, columns], np.nan)
    sides = (("labels", known), ("scores", made.scores.mean))
    for axes, (title, values) in zip(plot.subplots(1, 2), sides, strict=True):
        matrix = _correlated(values)
        axes.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
        axes.set_xticks(range(len(heads)), heads, rotation=45, ha="right")
        axes.set_yticks(range(len(heads)), heads)
        axes.set_title(f"made replies: {title} of the heads")
        axes.grid(visible=False)
        for row in range(len(heads)):
            for column in range(len(heads)):
                value = matrix[row, column]
                ink = "white" if abs(value) > 0.6 else "black"
                text = NOT_DEFINED if np.isnan(value) else f"{value:.2f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    return plot


def _correlated(values: np.ndarray) -> np.ndarray:
    """Correlations of the columns of (N, heads) values over the rows that both know; NaN where not defined."""
    matrix = np.full((values.shape[1],) * 2, np.nan)
    for row, column in np.ndindex(*matrix.shape):
        both = np.isfinite(values[:, [row, column]]).all(1)
        found = pearson(values[both, row], values[both, column])
        matrix[row, column] = np.nan if found is None else found
    return matrix
