"""The report's plots as PNG, in colours that colour-blind readers can tell apart (Okabe & Ito 2008)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.report.curves import Curves, smoothed
from ecr_rl.report.facts import Facts, scored_policies
from ecr_rl.report.record import Report
from envs.heads import Head

BASELINE, RL, INK = "#7a7a7a", "#0072b2", "#222222"
WINDOW = 5
"""The number of iterations in the centred mean of a smoothed curve."""
DPI = 160
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#9aa0a6",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8eaed",
    "xtick.color": "#55595e",
    "ytick.color": "#55595e",
    "legend.frameon": False,
    "axes.formatter.use_mathtext": True,
    "axes.formatter.limits": (-3, 4),
}

LEARNING = {
    "reward_mean": ("Reward of the sampled conversations", "mean reward"),
    "kl_reference": ("KL to the reference policy", "nats a token"),
}
OPTIMISATION = {
    "policy_loss": ("Policy loss", "clipped surrogate"),
    "value_loss": ("Value loss", "squared error"),
    "entropy": ("Entropy", "nats a token"),
    "sampler_gap": ("Gap between sampler and learner", "mean absolute gap, nats"),
    "tokens": ("Tokens sampled", "tokens an iteration"),
}
"""Metric to its panel's title and axis label."""


def draw_plots(report: Report, curves: Curves, heads: Sequence[Head]) -> dict[str, bytes]:
    """All plots of a run that scores these heads, as PNG by file name; plots without data are left out."""
    over_training = {f"head_{head.name}": (head.title, "score, 0 to 1") for head in heads}
    with matplotlib.rc_context(STYLE):
        drawn = {
            "heads_compared.png": _compared(report, heads),
            "learning_curves.png": _panels(curves, LEARNING, columns=2),
            "reward_over_kl.png": _over_kl(report.facts),
            "heads_over_training.png": _panels(curves, over_training, columns=3),
            "optimisation.png": _panels(curves, OPTIMISATION, columns=3),
        }
        return {name: as_png(plot) for name, plot in drawn.items() if plot is not None}


def _panels(curves: Curves, panels: Mapping[str, tuple[str, str]], columns: int) -> Figure | None:
    """One small plot a metric that exists; None when none does."""
    present = [name for name in panels if name in curves.values]
    if not present:
        return None
    columns = min(columns, len(present))
    rows = -(-len(present) // columns)
    width = 9.2 if columns > 1 else 6.0
    plot = Figure(figsize=(width, 2.45 * rows + 0.35), layout="constrained")
    plot.get_layout_engine().set(w_pad=0.12, h_pad=0.06)  # pyright: ignore[reportOptionalMemberAccess, reportCallIssue]
    grid = np.atleast_1d(plot.subplots(rows, columns)).ravel()
    for axes, name in zip(grid, present, strict=False):
        _curve(axes, curves.steps, curves.values[name], *panels[name])
    for axes in grid[len(present) :]:
        axes.set_axis_off()
    # The legend stands outside the panels, where it cannot cover data.
    handles, labels = grid[0].get_legend_handles_labels()
    plot.legend(handles, labels, loc="outside upper right", ncols=2)
    return plot


def _curve(axes: Axes, steps: np.ndarray, values: np.ndarray, title: str, unit: str) -> None:
    axes.plot(steps, values, color=RL, alpha=0.35, linewidth=1, marker=".", markersize=3.5, label="iteration")
    axes.plot(steps, smoothed(values, WINDOW), color=RL, linewidth=1.8, label=f"mean of {WINDOW} around it")
    axes.set(title=title, xlabel="PPO iteration", ylabel=unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _compared(report: Report, heads: Sequence[Head]) -> Figure | None:
    """Left: both systems' head scores; right: the paired differences; bars are the bootstrap intervals."""
    baseline, rl, difference = report.systems.baseline, report.systems.rl, report.difference
    known = [head for head in heads if baseline[head.name] and rl[head.name] and difference[head.name]]
    if not known:
        return None
    plot = Figure(figsize=(9.2, 0.42 * len(known) + 1.5), layout="constrained")
    scores, differences = plot.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
    heights = np.arange(len(known))
    _dots(scores, [baseline[head.name] for head in known], heights - 0.14, BASELINE, "s", "baseline")
    _dots(scores, [rl[head.name] for head in known], heights + 0.14, RL, "o", "rl")
    _dots(differences, [difference[head.name] for head in known], heights, RL, "o", "rl - baseline")
    differences.axvline(0, color=INK, linewidth=1)
    scores.set(title="Head scores", xlabel="mean score, 0 to 1", yticks=heights)
    scores.set_yticklabels([head.title for head in known])
    scores.set_ylim(len(known) - 0.5, -0.5)
    differences.set(title="Difference, rl - baseline", xlabel="difference in score")
    for axes in (scores, differences):
        axes.grid(False, axis="y")
        axes.tick_params(axis="y", length=0)
    plot.legend(*scores.get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return plot


def _over_kl(facts: Facts) -> Figure | None:
    """Reward and selecting evaluator's score against KL, for the scored policies; None for fewer than two."""
    scored = scored_policies(facts)
    if len(scored) < 2:
        return None
    kl, reward, score = (
        np.array(values) for values in zip(*((each.kl, each.reward, each.score) for each in scored), strict=True)
    )
    kept = [each.iteration == facts.get("selected_iteration") for each in scored]
    plot = Figure(figsize=(6.0, 3.2), layout="constrained")
    paid = plot.subplots()
    judged = paid.twinx()
    for axes, values, colour, marker, label in (
        (paid, reward, BASELINE, "s", "training reward"),
        (judged, score, RL, "o", "selecting evaluator, overall"),
    ):
        axes.plot(kl, values, color=colour, marker=marker, markersize=4.5, linewidth=1, label=label)
        axes.scatter(kl[kept], values[kept], s=90, facecolors="none", edgecolors=INK, zorder=3)
        axes.set_ylabel(label)
    lost = [bool(each.violates) for each in scored]
    judged.scatter(kl[lost], score[lost], s=46, marker="x", color=INK, linewidths=1, zorder=4)
    for each in scored:
        judged.annotate(str(each.iteration), (each.kl, each.score), xytext=(3, 4), textcoords="offset points")
    judged.spines["right"].set_visible(True)
    judged.grid(False)
    paid.set(title="Reward and held-out score by iteration", xlabel="KL to the reference policy, nats a token")
    plot.legend(handles=[*paid.get_lines(), *judged.get_lines()], loc="outside upper right", ncols=2)
    return plot


def _dots(
    axes: Axes, values: Sequence[Interval | None], heights: np.ndarray, colour: str, marker: str, label: str
) -> None:
    """A dot for each mean and a bar over each interval; percentile intervals need not be symmetric."""
    known = [value for value in values if value is not None]
    axes.hlines(heights, [value.low for value in known], [value.high for value in known], color=colour, linewidth=2)
    means = [value.mean for value in known]
    axes.plot(means, heights, linestyle="none", marker=marker, color=colour, markersize=5.5, label=label)


def as_png(plot: Figure) -> bytes:
    """The plot as PNG."""
    target = io.BytesIO()
    # The software's version is left out of the file, so that equal plots give equal bytes.
    plot.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    return target.getvalue()
