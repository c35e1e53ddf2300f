"""The stage of the selecting evaluator, which chooses the iteration whose policy a run keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from algorithms.evaluators.head_figures import head_figures
from algorithms.evaluators.registry import evaluator_of
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.labelled import label
from envs.corpora.corpus import Corpus
from envs.files import write_json
from envs.progress import OnStep

EXAMPLES, HELD_OUT = 6000, 1500
"""The most examples for its training, and for its held-out figures."""
_SEED = 2
"""The seed of the choice of examples; it differs from the reporting evaluator's."""


def build_selecting_evaluator(corpus: Corpus, judge: Judge, name: str, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the selecting evaluator on every fourth train dialogue; the critic learns from none of them.

    ``name`` is one of ``EVALUATORS``.

    Returns:
        ``{"overall": {"r2", "r2_length", "spearman", "mae"}, "n", "examples"}``, measured on the validation split.
    """
    on_step(0, 2, {})
    train = label(corpus.train[3::4], corpus.catalog, judge, EXAMPLES, seed=_SEED)
    valid = label(corpus.valid, corpus.catalog, judge, HELD_OUT, seed=_SEED)
    on_step(1, 2, {})
    heads = ("overall",)
    columns = train.labels.columns(heads)
    evaluator = evaluator_of(name).fit(train.exchanges, train.labels.values[:, columns], heads)
    evaluator.save(folder)
    values, known = valid.labels.values[:, columns], valid.labels.known[:, columns]
    overall = head_figures(heads, values, known, evaluator.scores(valid.exchanges), valid.replies)["overall"]
    figures = {"overall": overall, "n": len(valid.examples), "examples": len(train.examples)}
    write_json(folder / "metrics.json", figures)
    on_step(2, 2, {"r2_overall": overall["r2"]})
    return figures
