"""Tables of what language models said of a run; they stand alone, since no other protocol asks the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_rl.evaluation.language_judge.forms import ECR_AXES
from ecr_rl.evaluation.language_judge.result import Judgement
from ecr_rl.tables import TextTable, shown, with_interval

_AXES_NOTE = (
    "The first reply of each conversation, to a context that both systems share; 0 to 9, mean [95 % bootstrap interval "
    "over dialogues]. Axes of ECR (Zhang et al., RecSys 2024); overall is none of them."
)
_PREFERENCE_NOTE = (
    "Conversations from the same opening, in both orders: a preference counts where both agree, else it is a tie. "
    "Win rate: wins + ties / 2. Points: mean of P(rl) + P(tie) / 2 over both orders. Leaning: share "
    "of dialogues with points above .5, those at .5 half. Kappa: Cohen's, of the orders. "
    "Shown first: share of preferences for whoever came first; .5 is no bias."
)
_PEOPLE_NOTE = (
    "Overall score of evenly spread rated replies against people's mean rating: Spearman [95 % bootstrap interval over "
    "dialogues or posts], weighted kappa in five bins, and what the reply's number of words reaches."
)


def judge_tables(judgements: Sequence[Judgement]) -> list[TextTable]:
    """The tables of a run's judgements: preferences, axes, agreement with people and between judges."""
    tables = [_preference_table([("", each) for each in judgements])] if judgements else []
    tables += [_axes_table(each) for each in judgements if each.axes.difference["overall"] is not None]
    if any(each.people for each in judgements):
        tables.append(_people_table(judgements))
    if any(each.beside for each in judgements):
        tables.append(_beside_table(judgements))
    return tables


def judged_runs_table(judgements: Mapping[str, Sequence[Judgement]]) -> TextTable:
    """The preferences in several runs, by the run's name: a row for each judge of each run."""
    return _preference_table([(f"{run}, ", each) for run, of_run in judgements.items() for each in of_run])


def _preference_table(judgements: Sequence[tuple[str, Judgement]]) -> TextTable:
    """One row a judgement; each comes with what stands before the judge's name."""
    figures = ["win rate of rl", "win / tie / loss", "points", "leaning", "kappa", "shown first", "failed"]
    columns = ["judge", "prompt", "n", *figures]
    rows = [
        [f"{before}{each.model}", each.prompts["preference"], *_preference_cells(each)] for before, each in judgements
    ]
    return TextTable("Preference by a language model", _PREFERENCE_NOTE, columns, rows)


def _preference_cells(judgement: Judgement) -> list[str]:
    found = judgement.preference
    three = (found.wins, found.ties, found.losses)
    return [
        f"{found.n:,}",
        with_interval(found.win_rate),
        " / ".join(shown(None if each is None else each.mean, ".2f") for each in three),
        with_interval(found.points),
        with_interval(found.leaning),
        with_interval(found.kappa),
        with_interval(found.first_shown),
        f"{sum(judgement.failures.values()):,}",
    ]


def _axes_table(judgement: Judgement) -> TextTable:
    figures = judgement.axes
    rows = [
        [
            name.replace("_", " "),
            with_interval(figures.systems.baseline[name], ".2f"),
            with_interval(figures.systems.rl[name], ".2f"),
            with_interval(figures.difference[name], ".2f", signed=True),
        ]
        for name in (*ECR_AXES, *[name for name in figures.difference if name not in ECR_AXES])
    ]
    title = f"Axes by {judgement.model}, prompt {judgement.prompts['axes']}"
    return TextTable(
        title, f"{judgement.dialogues:,} dialogues. {_AXES_NOTE}", ["axis", "baseline", "rl", "rl - baseline"], rows
    )


def _people_table(judgements: Sequence[Judgement]) -> TextTable:
    rows = [
        [
            f"{each.model}: {one.data}, {one.rating}",
            f"{one.n:,}",
            with_interval(one.spearman),
            shown(one.kappa),
            with_interval(one.length),
        ]
        for each in judgements
        for one in each.people
    ]
    columns = ["judge: data, rating", "n", "Spearman", "weighted kappa", "of the length"]
    return TextTable("Agreement with people", _PEOPLE_NOTE, columns, rows)


def _beside_table(judgements: Sequence[Judgement]) -> TextTable:
    rows = [
        [
            f"{each.model}, {one.judge}",
            f"{one.n:,}",
            with_interval(one.preference),
            f"{one.replies:,}",
            shown(one.overall),
        ]
        for each in judgements
        for one in each.beside
    ]
    note = "Cohen's kappa of the preferences, and weighted kappa of the overall scores in five bins."
    return TextTable("Agreement between judges", note, ["judges", "n", "preference", "replies", "overall"], rows)
