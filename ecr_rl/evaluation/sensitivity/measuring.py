"""Measure how edits of human replies move judges, in standard deviations of each judge's own scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecr_rl.evaluation.bootstrap import Deviation, InDeviations, Interval, Ratio, draw, interval
from ecr_rl.evaluation.sensitivity.edits import EDITS, FilmEditor
from ecr_rl.evaluation.sensitivity.judges import Scorer
from ecr_rl.evaluation.sensitivity.results import FOOLED, EditEffect, HeadMove, Sensitivity
from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.replies.examples import Example, human_examples
from envs.corpora.corpus import Corpus
from envs.corpora.spread import evenly_spread
from envs.errors import DataError
from envs.heads import Exchange, Head
from envs.progress import OnStep

RESAMPLES = 1000
EDITED = 300
"""The human replies that are edited, at most, where nothing else is said."""


def sensitivity(
    judges: Mapping[str, Scorer],
    heads: Sequence[Head],
    cases: Sequence[Example],
    films: FilmEditor,
    seed: int,
    on_step: OnStep = lambda done, total, figures: None,
) -> Sensitivity:
    """How each edit moves each head of each judge.

    A judge is told of an edited reply what it is told of the human one, but for the films that are named; neither comes
    with the seeker's next turn.

    Args:
        judges: by name.
        heads: definitions, which say what edits should do.
        cases: human examples to edit.
        films: edits films; an edit that does not fit a reply leaves that reply out.
        seed: of the edits, and of the resamples of dialogues.
        on_step: called with the judges done.
    """
    sources = [replace(case.evidence, next_turn="") for case in cases]
    edited = [_edited(sources, films, index, seed) for index in range(len(EDITS))]
    dialogues_N = np.unique([case.dialogue for case in cases], return_inverse=True)[1]
    counts_BN = draw(int(dialogues_N.max(initial=0)) + 1, RESAMPLES, seed)
    moves = {}
    for done, (name, score) in enumerate(judges.items()):
        on_step(done, len(judges), {})
        moves[name] = _moves(score, heads, sources, edited, dialogues_N, counts_BN)
    on_step(len(judges), len(judges), {})
    return Sensitivity(
        edits={
            edit.name: EditEffect(edit.does, len(edited[index]), {name: moves[name][index] for name in judges})
            for index, edit in enumerate(EDITS)
        },
        judges=list(judges),
        n=len(cases),
        dialogues=counts_BN.shape[1],
        seed=seed,
    )


def edit_replies(
    judges: Mapping[str, Scorer],
    heads: Sequence[Head],
    corpus: Corpus,
    split: str = "test",
    replies: int = EDITED,
    seed: int = 0,
    on_step: OnStep = lambda done, total, figures: None,
) -> Sensitivity:
    """``sensitivity`` on human replies that are spread evenly over a split of a corpus.

    Raises:
        DataError: the split holds no recommender turn.
    """
    cases = human_examples(corpus.splits[split], corpus.catalog)
    if not cases:
        raise DataError(f"no recommender turn in the split {split!r}", remedy="Use more dialogues of the corpus.")
    films = FilmEditor(corpus.catalog, [case.evidence for case in cases])
    chosen = [cases[index] for index in evenly_spread(len(cases), replies)]
    return sensitivity(judges, heads, chosen, films, seed, on_step)


def _edited(sources: Sequence[Evidence], films: FilmEditor, index: int, seed: int) -> dict[int, Evidence]:
    """The replies that an edit fits, edited, by the index of their source."""
    rng = np.random.default_rng([seed, 43, index])
    edited = {}
    for row, source in enumerate(sources):
        if (made := EDITS[index].change(source, films, rng)) is not None:
            text, named = made
            edited[row] = replace(source, exchange=Exchange(source.exchange.context, text), films=named)
    return edited


@dataclass(frozen=True)
class _Before:
    """A head's scores of N unedited replies, and their deviation."""

    scores_N: np.ndarray
    unit: Deviation
    dialogues_N: np.ndarray
    counts_BN: np.ndarray

    @classmethod
    def of(cls, scores_N: np.ndarray, dialogues_N: np.ndarray, counts_BN: np.ndarray) -> _Before:
        known = np.isfinite(scores_N)
        rows = [scores_N[known & (dialogues_N == dialogue)].tolist() for dialogue in range(counts_BN.shape[1])]
        return cls(scores_N, Deviation.of(rows), dialogues_N, counts_BN)

    def change(self, rows: np.ndarray, after: np.ndarray) -> Interval | None:
        """The mean change of some of the replies, in deviations of all."""
        changes = after - self.scores_N[rows]
        known = np.isfinite(changes)
        dialogues, size = self.dialogues_N[rows][known], self.counts_BN.shape[1]
        total = np.bincount(dialogues, changes[known], minlength=size)
        figure = InDeviations(Ratio(total, np.bincount(dialogues, minlength=size).astype(np.float64)), self.unit)
        return interval(figure, self.counts_BN)


def _moves(
    score: Scorer,
    heads: Sequence[Head],
    sources: Sequence[Evidence],
    edited: Sequence[Mapping[int, Evidence]],
    dialogues_N: np.ndarray,
    counts_BN: np.ndarray,
) -> list[dict[str, HeadMove]]:
    """How each edit moves the heads of one judge."""
    scored = score(sources)
    before = [_Before.of(column, dialogues_N, counts_BN) for column in scored.values.T]
    expected = {head.name: head.edits for head in heads}
    moves = []
    for edit, pieces in zip(EDITS, edited, strict=True):
        rows = np.array(list(pieces), dtype=np.int64)
        after = score(list(pieces.values())).values if len(rows) else np.zeros((0, len(before)))
        wanted = {head: expected.get(head, {}).get(edit.name) for head in scored.heads}
        moves.append(
            {
                head: _move(wanted[head], before[column].change(rows, after[:, column]))
                for column, head in enumerate(scored.heads)
            }
        )
    return moves


def _move(expected: str | None, change: Interval | None) -> HeadMove:
    fooled = expected is not None and change is not None and change.mean > FOOLED and change.low > 0
    return HeadMove(change, expected, fooled)
