"""Compare several runs with their baselines in a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_rl.evaluation.conversations.definitions import main_figures, more_figures
from ecr_rl.evaluation.conversations.over_runs import RunsComparison
from ecr_rl.report.verdicts import MARKS, marked, mean_and_interval, reading
from ecr_rl.tables import by_chance, table_lines
from envs.heads import Head

_FURTHER = (
    "dist1_all",
    "distinct_replies",
    "pmi_film_replies",
    "pmi_other_replies",
    "film_replies",
    "accepted",
    "turns",
    "sr",
    "rdl",
)
"""The further figures that the table shows if it has data."""
_ONE = "Bootstrap over dialogues: it speaks of this one training run."
_SEVERAL = (
    "Of one run: bootstrap over dialogues, which speaks of that run. Of all runs: t-interval over training seeds, with "
    "the variance of the dialogues inside."
)


def results_table(result: RunsComparison, names: Sequence[str], heads: Sequence[Head]) -> str:
    """The differences rl - baseline of each run and of all together, ending with a line break.

    Args:
        result: the comparison.
        names: of the runs, in their order.
        heads: that the runs score.
    """
    several = len(names) > 1
    header = ["figure", *names, *(["all runs"] if several else []), ""]
    rows, intervals = [], []
    data = result.difference
    further = [more for more in more_figures(heads) if more.name in _FURTHER and data[more.name] is not None]
    for definition in (*main_figures(heads), *further):
        together = data[definition.name]
        values = [*(each[definition.name] for each in result.each if several), together]
        intervals += values
        cells = [mean_and_interval(value, definition.decimals, signed=True) for value in values]
        rows.append([f"`{definition.name}`", *cells, marked(reading(definition, together))])
    runs, method = (f"{len(names)} runs", _SEVERAL) if several else ("one run", _ONE)
    failures = result.seeker_failures
    left_out = f"Conversations left out of all runs, as a seeker failed in one: {failures}. " if failures else ""
    note = (
        f"{result.n} dialogues of the test split, {runs}; rl - baseline, mean [95 % interval]. {left_out}{method} "
        f"{by_chance(intervals)} "
        f"{MARKS['better']} better, {MARKS['worse']} worse, {MARKS['changed']} changed: the interval excludes 0."
    )
    table = table_lines(header, rows, ["---", *["---:"] * (len(header) - 2), "---"])
    return f"{table}\n\n{note}\n\n{_beside(result, names)}\n"


def _beside(result: RunsComparison, names: Sequence[str]) -> str:
    """How often the seeker accepted a film of either system, in each run."""
    baseline = [mean_and_interval(each.baseline, 3) for each in result.accepted]
    rl = [mean_and_interval(each.rl, 3) for each in result.accepted]
    rows = [["`accepted`, baseline", *baseline], ["`accepted`, rl", *rl]]
    return table_lines(["beside", *names], rows, ["---", *["---:"] * len(names)])
