"""The judges of a run in one form: each scores the same replies, on heads of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithms.evaluators.registry import HeadEvaluator, evaluator_of
from ecr_rl.config import RunConfig
from ecr_rl.labels.judging.judge_protocol import Evidence, Judge
from ecr_rl.runs.parts import RunParts
from envs.heads import RewardModel


@dataclass(frozen=True, slots=True)
class ScoredReplies:
    """Scores of N replies.

    Attributes:
        values: (N, heads); NaN where one is not known.
        heads: the names of the columns.
    """

    values: np.ndarray
    heads: tuple[str, ...]


Scorer = Callable[[Sequence[Evidence]], ScoredReplies]
"""A judge of any kind; row i belongs to reply i."""


def by_critic(critic: RewardModel) -> Scorer:
    """A reward model as a scorer."""

    def score(evidence: Sequence[Evidence]) -> ScoredReplies:
        scores = critic.score([piece.exchange for piece in evidence])
        return ScoredReplies(scores.mean.astype(np.float64), scores.heads)

    return score


def by_judge(judge: Judge) -> Scorer:
    """A judge that labels, such as the rubric, as a scorer."""

    def score(evidence: Sequence[Evidence]) -> ScoredReplies:
        labels = judge.judge(evidence)
        return ScoredReplies(np.where(labels.known, labels.values.astype(np.float64), np.nan), labels.heads)

    return score


def by_evaluator(evaluator: HeadEvaluator) -> Scorer:
    """An evaluator as a scorer."""

    def score(evidence: Sequence[Evidence]) -> ScoredReplies:
        values = evaluator.scores([piece.exchange for piece in evidence])
        return ScoredReplies(np.asarray(values, dtype=np.float64), tuple(evaluator.heads))

    return score


def evaluators_of(run: Path, config: RunConfig) -> dict[str, Scorer]:
    """The evaluators of a run by the names of their parts, those that it has not made yet left out.

    Args:
        run: the run folder.
        config: its settings.

    Raises:
        RunError: a part is gone, or is not what the run began with.
        ModelError: a part is damaged.
    """
    parts = RunParts(run, config.cache_folder)
    named = {"reporting_evaluator": config.evaluation.reporting, "selecting_evaluator": config.ppo.selecting}
    folders = {kind: folder for kind in named if (folder := parts.folder(kind)) is not None}
    return {kind: by_evaluator(evaluator_of(named[kind]).load(folder)) for kind, folder in folders.items()}
