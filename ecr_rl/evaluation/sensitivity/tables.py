"""The tables of what judges can be fooled by, for a terminal and for a page."""

from __future__ import annotations

from ecr_rl.evaluation.sensitivity.results import FOOLED, HeadMove, Sensitivity
from ecr_rl.tables import NOT_DEFINED, TextTable, by_chance, shown, with_interval


def sensitivity_tables(results: Sensitivity) -> list[TextTable]:
    """Which edits fool which judge, what each edit moves by how much, and what the edits do."""
    return [_fooled(results), _moved(results), _edits(results)]


def _fooled(results: Sensitivity) -> TextTable:
    """One row a judge."""
    rows = []
    for judge in results.judges:
        tried = [
            (edit, head, move)
            for edit, effect in results.edits.items()
            for head, move in effect.judges[judge].items()
            if move.expected and move.change is not None
        ]
        by = [
            f"{edit} ({head} {shown(move.change.mean, '.2f', signed=True)})"
            for edit, head, move in tried
            if move.fooled and move.change is not None
        ]
        rows.append([judge, str(len(tried)), str(len(by)), ", ".join(by) or "nothing"])
    note = (
        f"Edits of {results.n} human replies in {results.dialogues} dialogues that should raise no score. Fooled: the "
        f"head goes up by more than {FOOLED} standard deviations of the judge's own scores of these replies, the "
        "interval above 0. Tried: pairs of edit and head of which the head's definition says so."
    )
    return TextTable("What fools the judges", note, ["judge", "tried", "fooled", "by"], rows)


def _moved(results: Sensitivity) -> TextTable:
    """One row an edit and head, one column a judge."""
    rows, intervals = [], []
    for edit, effect in results.edits.items():
        for head in dict.fromkeys(head for moves in effect.judges.values() for head in moves):
            moves = [effect.judges[judge].get(head) for judge in results.judges]
            expected = next((move.expected for move in moves if move is not None), None)
            if expected is not None:
                rows.append([f"{edit}, {head}", str(effect.n), expected, *map(_cell, moves)])
                intervals += [None if move is None else move.change for move in moves]
    note = (
        "Mean change in standard deviations of each judge's own scores of the unedited replies, 95 % interval, 1,000 "
        f"resamples of dialogues; ! marks where it is fooled. {by_chance(intervals)}"
    )
    return TextTable("Scores moved by edits", note, ["edit, head", "n", "should be", *results.judges], rows)


def _cell(move: HeadMove | None) -> str:
    if move is None:
        return NOT_DEFINED
    return with_interval(move.change, ".2f", signed=True) + (" !" if move.fooled else "")


def _edits(results: Sensitivity) -> TextTable:
    rows = [[edit, str(effect.n), effect.does] for edit, effect in results.edits.items()]
    note = "What each edit does to a reply; n counts the replies that it fits."
    return TextTable("Edits", note, ["edit", "n", "what it does"], rows)
