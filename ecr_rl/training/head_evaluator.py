"""What the stages of both evaluators share: examples from their dialogues, the fit, its figures on validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithms.evaluators.head_figures import head_figures
from algorithms.evaluators.registry import evaluator_of
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.labelled import label
from envs.corpora.corpus import Corpus
from envs.errors import DataError
from envs.progress import OnStep

HELD_OUT = 1500
"""The most examples of a held-out set."""


@dataclass(frozen=True, slots=True)
class TrainExamples:
    """The examples that an evaluator learns from: of every fourth train dialogue.

    Attributes:
        first: index of the first dialogue.
        most: the most examples.
        seed: of the choice of examples.
    """

    first: int
    most: int
    seed: int


def fit_evaluator(
    name: str,
    heads: Sequence[str],
    examples: TrainExamples,
    corpus: Corpus,
    judge: Judge,
    folder: Path,
    on_step: OnStep,
) -> tuple[dict[str, dict[str, float | None]], dict[str, int]]:
    """Fit an evaluator to a judge's labels and save it.

    Args:
        name: one of ``EVALUATORS``.
        heads: names of the heads that it predicts.
        examples: what it learns from.
        corpus: the dialogues.
        judge: labels the examples.
        folder: gets the evaluator.
        on_step: told of step 0 of 2 at the start and of step 1 after labelling; the caller tells of step 2.

    Returns:
        ``{"r2", "r2_length", "spearman", "mae"}`` of each head on the validation split, None where labels do not define
        one; and ``n`` and ``examples``: the sizes of the held-out and the train set.

    Raises:
        DataError: the judge gives no example a label of a head.
    """
    on_step(0, 2, {})
    train = label(corpus.train[examples.first :: 4], corpus.catalog, judge, examples.most, seed=examples.seed)
    valid = label(corpus.valid, corpus.catalog, judge, HELD_OUT, seed=examples.seed)
    on_step(1, 2, {})
    columns = train.labels.columns(heads)
    labelled = np.flatnonzero(train.labels.known[:, columns].all(1))
    if not len(labelled):
        missing = [head for head in heads if head in train.labels.without_labels]
        raise DataError(
            f"the judge {judge.name} gives no train example a label of {', '.join(missing or heads)}, which an "
            "evaluator is to predict",
            remedy="Take another judge, or leave the head out of heads.",
        )
    exchanges = [train.exchanges[row] for row in labelled]
    evaluator = evaluator_of(name).fit(exchanges, train.labels.values[labelled][:, columns], heads)
    evaluator.save(folder)
    values, known = valid.labels.values[:, columns], valid.labels.known[:, columns]
    figures = head_figures(heads, values, known, evaluator.scores(valid.exchanges), valid.replies)
    return figures, {"n": len(valid.examples), "examples": len(labelled)}
