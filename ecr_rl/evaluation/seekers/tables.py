"""Tables of seekers beside people."""

from __future__ import annotations

from ecr_rl.evaluation.seekers.fidelity import Compared, Fidelity, SeekerFidelity
from ecr_rl.tables import TextTable, shown, with_interval

_LABELS = {
    "words": "words a turn",
    "film": "names a film",
    "question": "has a question mark",
    "accepts": "accepts (ACC)",
    "rejects": "refuses (REJ)",
    "inquires": "inquires (INQ)",
    "distinct_2": "distinct / all word pairs",
    "says_accepts": "accepts, as its agenda says",
    "says_rejects": "refuses, as its agenda says",
    "says_inquires": "inquires, as its agenda says",
}
_AUC = {
    "turns": "AUC of the classifier, a turn",
    "conversations": "AUC of the classifier, a conversation",
    "words_alone": "AUC by the number of words alone",
}


def fidelity_tables(result: Fidelity) -> list[TextTable]:
    """A table for each seeker."""
    return [_table(result, name, row) for name, row in result.seekers.items()]


def _table(result: Fidelity, name: str, row: SeekerFidelity) -> TextTable:
    rows = [[_LABELS[figure], *_cells(figure, values)] for figure, values in row.figures.items()]
    rows += [[label, "", with_interval(row.auc[key]), ""] for key, label in _AUC.items()]
    columns = ["figure", "people", name, f"{name} - people"]
    return TextTable(f"The seeker {name} beside people", _note(result, row), columns, rows)


def _cells(figure: str, values: Compared) -> list[str]:
    form = ".2f" if figure == "words" else ".3f"
    sides = [with_interval(value, form) for value in (values.people, values.seeker)]
    return [*sides, with_interval(values.difference, form, signed=True)]


def _note(result: Fidelity, row: SeekerFidelity) -> str:
    failed = sum(row.failures.values())
    reasons = "; ".join(f"{reason}: {count}" for reason, count in row.failures.items())
    told = f"{failed:,} of {row.turns:,} turns without an answer, in no figure"
    f1 = ", ".join(f"{act} {shown(value, '.2f')}" for act, value in result.act_f1.items())
    reader = f"{result.act_reader}{f', F1 on held-out people {f1}' if f1 else ''}"
    return (
        f"{result.n:,} dialogues of {result.corpus}, split {result.split}: {row.turns - failed:,} human recommender "
        "turns, answered by the person and by the seeker after the same human turns. Share of turns unless said "
        f"otherwise, [95 % bootstrap interval over dialogues]. {told}{f' ({reasons})' if reasons else ''}: "
        f"{with_interval(row.failed)}. Acts by the reader {reader}."
    )
