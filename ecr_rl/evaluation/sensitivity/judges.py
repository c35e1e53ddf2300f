"""The judges of a run in one form: each scores the same replies, on heads of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithms.evaluators.registry import HeadScorer, evaluator_of
from algorithms.people.evaluator import shipped_folder, usable_evaluator
from ecr_rl.config import RunConfig
from ecr_rl.labels.judging.judge_protocol import Evidence, Judge
from ecr_rl.runs.parts import RunParts
from envs.heads import RewardModel
from envs.ratings.parts import EVALUATORS_PARTS


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
        return ScoredReplies(labels.scores.astype(np.float64), labels.heads)

    return score


def by_evaluator(evaluator: HeadScorer) -> Scorer:
    """An evaluator as a scorer."""

    def score(evidence: Sequence[Evidence]) -> ScoredReplies:
        values = evaluator.scores([piece.exchange for piece in evidence])
        return ScoredReplies(np.asarray(values, dtype=np.float64), tuple(evaluator.heads))

    return score


def evaluators_of(run: Path | None, config: RunConfig) -> dict[str, Scorer]:
    """The evaluators of a run by the names of their parts.

    Evaluators of the rubric's heads are left out where the run has not made them yet. In place of a missing evaluator
    of people stands the one that comes with the project, if its encoder is installed.

    Args:
        run: the run folder; None: a run that has made nothing.
        config: its settings.

    Raises:
        RunError: a part is gone, or is not what the run began with.
        ModelError: a part is damaged.
    """
    parts = None if run is None else RunParts(run, config.cache_folder)
    found: dict[str, HeadScorer] = {}
    named = {"reporting_evaluator": config.evaluation.reporting, "selecting_evaluator": config.ppo.selecting}
    for kind, name in named.items():
        if parts is not None and (folder := parts.folder(kind)) is not None:
            found[kind] = evaluator_of(name).load(folder)
    for part in EVALUATORS_PARTS:
        folder = None if parts is None else parts.folder(f"people_{part}")
        if (people := usable_evaluator(folder or shipped_folder(part))) is not None:
            found[f"people_{part}"] = people
    return {name: by_evaluator(evaluator) for name, evaluator in found.items()}
