"""Plots of a critic's evaluation as PNG."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ecr_rl.evaluation.critic.critic_evaluation import CriticEvaluation, Judged
from ecr_rl.report.plots import BASELINE, RL, STYLE, as_png
from envs.heads import HEADS

_COLUMNS = 3


def draw_critic_plots(found: CriticEvaluation) -> dict[str, bytes]:
    """PNG by file name: scores against labels, residuals, calibration, correlations of the heads."""
    with matplotlib.rc_context(STYLE):
        return {
            "predicted.png": as_png(_predicted(found)),
            "residuals.png": as_png(_residuals(found)),
            "calibration.png": as_png(_calibration(found)),
            "correlations.png": as_png(_correlations(found)),
        }


def _panels(height: float) -> tuple[Figure, list]:
    plot = Figure(figsize=(9.0, height), layout="constrained")
    axes = plot.subplots(2, _COLUMNS)
    return plot, list(axes.flat)


def _head(found: CriticEvaluation, head: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of human replies; of made ones where the human's are not labelled."""
    part: Judged = found.human if found.human.labels.known[:, head].any() else found.made
    rows = part.labels.known[:, head]
    return part.labels.values[rows, head], part.scores.mean[rows, head]


def _predicted(found: CriticEvaluation) -> Figure:
    plot, panels = _panels(6.0)
    for head, axes in enumerate(panels):
        labels, scores = _head(found, head)
        if len(labels):
            axes.hexbin(scores, labels, gridsize=28, extent=(0, 1, 0, 1), cmap="Blues", mincnt=1, bins="log")
        axes.plot([0, 1], [0, 1], color=BASELINE, linewidth=1)
        axes.set(title=HEADS[head], xlabel="score", ylabel="label", xlim=(0, 1), ylim=(0, 1))
    return plot


def _residuals(found: CriticEvaluation) -> Figure:
    plot, panels = _panels(5.0)
    for head, axes in enumerate(panels):
        labels, scores = _head(found, head)
        axes.hist(labels - scores, bins=np.linspace(-0.6, 0.6, 49), color=RL)
        axes.set(title=HEADS[head], xlabel="label - score", ylabel="replies")
    return plot


def _calibration(found: CriticEvaluation) -> Figure:
    plot, panels = _panels(6.0)
    for name, axes in zip(HEADS, panels, strict=True):
        bins = np.array(found.figures["heads"][name]["calibration"]["bins"]).reshape(-1, 2)
        axes.plot([0, 1], [0, 1], color=BASELINE, linewidth=1)
        axes.plot(bins[:, 0], bins[:, 1], "o-", color=RL, markersize=4)
        axes.set(title=name, xlabel="mean score of a tenth", ylabel="mean label", xlim=(0, 1), ylim=(0, 1))
    return plot


def _correlations(found: CriticEvaluation) -> Figure:
    plot = Figure(figsize=(9.0, 4.2), layout="constrained")
    for axes, (title, values) in zip(
        plot.subplots(1, 2),
        (("labels", found.made.labels.values), ("scores", found.made.scores.mean)),
        strict=True,
    ):
        with np.errstate(invalid="ignore"):
            matrix = np.nan_to_num(np.corrcoef(values.T))
        axes.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
        axes.set_xticks(range(len(HEADS)), HEADS, rotation=45, ha="right")
        axes.set_yticks(range(len(HEADS)), HEADS)
        axes.set_title(f"made replies: {title} of the heads")
        axes.grid(visible=False)
        for row in range(len(HEADS)):
            for column in range(len(HEADS)):
                value = matrix[row, column]
                ink = "white" if abs(value) > 0.6 else "black"
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=ink)
    return plot
