"""Plots of a sweep as PNG: the Pareto front, parallel coordinates, each setting against the outcome, importance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.report.plots import BASELINE, RL, STYLE, as_png
from ecr_rl.report.sweep_record import ScoredTrial

_COLUMNS = 3
_COLOURS = "viridis"
_FRONT = "#d55e00"
Trials = Sequence[ScoredTrial]


def draw_sweep_plots(trials: Trials, importance: Mapping[str, Interval]) -> dict[str, bytes]:
    """PNG by file name; plots that need two trials are left out if there are fewer.

    Args:
        trials: the trials that have an objective; those that violate a constraint are left out unless all do.
        importance: the result of ``sweep_report.importance_of``.
    """
    trials = [trial for trial in trials if trial.satisfies] or trials
    with matplotlib.rc_context(STYLE):
        drawn = {"pareto.png": _pareto(trials)}
        if len(trials) > 1 and importance:
            keys = list(importance)
            drawn["parallel_coordinates.png"] = _parallel(trials, keys)
            drawn["settings.png"] = _against(trials, keys)
            drawn["importance.png"] = _importance(importance)
        return {name: as_png(plot) for name, plot in drawn.items()}


def pareto_front(trials: Trials) -> list[ScoredTrial]:
    """The trials that satisfy all constraints and that no other such trial beats in objective and KL, by rising KL."""
    front: list[ScoredTrial] = []
    satisfying = filter(lambda trial: trial.satisfies, trials)
    for trial in sorted(satisfying, key=lambda trial: (trial.kl, -trial.objective)):
        if not front or trial.objective > front[-1].objective:
            front.append(trial)
    return front


def _pareto(trials: Trials) -> Figure:
    plot = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = plot.subplots()
    kl, objective = [trial.kl for trial in trials], [trial.objective for trial in trials]
    dots = axes.scatter(kl, objective, c=[trial.dist2 for trial in trials], cmap=_COLOURS, s=46, zorder=3)
    plot.colorbar(dots, ax=axes, label="DIST-2 of the replies")
    front = pareto_front(trials)
    axes.plot(
        [trial.kl for trial in front],
        [trial.objective for trial in front],
        color=_FRONT,
        linewidth=1.5,
        label="Pareto front",
    )
    axes.axhline(trials[0].start_score, color=BASELINE, linestyle="--", linewidth=1.2, label="supervised")
    axes.set(title="Held-out score against distance", xlabel="KL to the supervised policy, nats a token")
    axes.set_ylabel("objective: selecting evaluator, 0 to 1")
    axes.legend(loc="best")
    return plot


def _parallel(trials: Trials, keys: Sequence[str]) -> Figure:
    plot = Figure(figsize=(max(7.0, 1.25 * len(keys)), 4.4), layout="constrained")
    axes = plot.subplots()
    values_TK = np.array([[trial.setting(key) for key in keys] for trial in trials])
    low, high = values_TK.min(0), values_TK.max(0)
    heights_TK = (values_TK - low) / np.where(high > low, high - low, 1.0)
    objective = np.array([trial.objective for trial in trials])
    scale = ScalarMappable(Normalize(objective.min(), objective.max()), _COLOURS)
    for row in np.argsort(objective):  # the best drawn last, on top
        best = objective[row] == objective.max()
        axes.plot(range(len(keys)), heights_TK[row], color=scale.to_rgba(objective[row]), linewidth=3 if best else 1.4)
    axes.set_xticks(range(len(keys)), [short(key) for key in keys], rotation=25, ha="right")
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    for column, (bottom, top) in enumerate(zip(low, high, strict=True)):
        axes.annotate(f"{bottom:.3g}", (column, -0.02), ha="center", va="top", fontsize=7)
        axes.annotate(f"{top:.3g}", (column, 1.02), ha="center", va="bottom", fontsize=7)
    axes.set_ylim(-0.12, 1.12)
    axes.set_title("Settings of the trials, the best one bold")
    plot.colorbar(scale, ax=axes, label="objective")
    return plot


def _against(trials: Trials, keys: Sequence[str]) -> Figure:
    rows = -(-len(keys) // _COLUMNS)
    plot = Figure(figsize=(9.2, 2.3 * rows + 0.3), layout="constrained")
    grid = np.atleast_1d(plot.subplots(rows, _COLUMNS, sharey=True)).ravel()
    objective = [trial.objective for trial in trials]
    for axes, key in zip(grid, keys, strict=False):
        _dots(axes, [trial.setting(key) for trial in trials], objective)
        axes.set_title(short(key))
    for axes in grid[: len(keys) : _COLUMNS]:
        axes.set_ylabel("objective")
    for axes in grid[len(keys) :]:
        axes.set_axis_off()
    return plot


def _dots(axes: Axes, values: Sequence[float], objective: Sequence[float]) -> None:
    axes.plot(values, objective, "o", color=RL, markersize=4.5)
    if min(values) > 0 and max(values) / min(values) > 3 and max(values) < 0.01:
        axes.set_xscale("log")


def _importance(importance: Mapping[str, Interval]) -> Figure:
    order = sorted(importance, key=lambda key: abs(importance[key].mean))
    plot = Figure(figsize=(7.0, 0.34 * len(order) + 1.1), layout="constrained")
    axes = plot.subplots()
    for row, key in enumerate(order):
        correlation = importance[key]
        axes.hlines(row, correlation.low, correlation.high, color=RL, linewidth=2)
        axes.plot(correlation.mean, row, "o", color=RL, markersize=5.5)
    axes.axvline(0, color=BASELINE, linewidth=1)
    axes.set_yticks(range(len(order)), [short(key) for key in order])
    axes.set(title="Rank correlation with the objective, 95 % interval over trials", xlim=(-1, 1), xlabel="Spearman")
    return plot


def short(key: str) -> str:
    """A setting's name without its section, as tables and plots show it."""
    return key.rsplit(".", 1)[-1].replace("_", " ")
