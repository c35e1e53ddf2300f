"""The stage of the selecting evaluator, which chooses the iteration whose policy a run keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.training.head_evaluator import TrainExamples, fit_evaluator
from envs.corpora.corpus import Corpus
from envs.files import write_json
from envs.progress import OnStep

EXAMPLES = 6000
"""The most examples that it learns from."""
_SELECTING = TrainExamples(first=3, most=EXAMPLES, seed=2)
"""Other dialogues and another choice of examples than the reporting evaluator's."""


def build_selecting_evaluator(corpus: Corpus, judge: Judge, name: str, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the selecting evaluator on every fourth train dialogue; the critic learns from none of them.

    ``name`` is one of ``EVALUATORS``.

    Returns:
        ``{"overall": {"r2", "r2_length", "spearman", "mae"}, "n", "examples"}``, measured on the validation split.
    """
    heads, sizes = fit_evaluator(name, ("overall",), _SELECTING, corpus, judge, folder, on_step)
    overall = heads["overall"]
    figures = {"overall": overall, **sizes}
    write_json(folder / "metrics.json", figures)
    on_step(2, 2, {} if overall["r2"] is None else {"r2_overall": overall["r2"]})
    return figures
