"""A judge in a worker process. It imports little: a worker loads what its judge needs, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from ecr_rl.labels.judging.judge_protocol import Judge, no_labels
from envs.errors import EcrError


class JudgeWorker:
    """Labels batches of evidence for Ray Data; its judge is built when the first batch comes."""

    def __init__(self, make_judge: Callable[[], Judge]) -> None:
        """Judge with what this builds."""
        self._make_judge = make_judge

    @cached_property
    def _judge(self) -> Judge:
        return self._make_judge()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Labels of a batch.

        Args:
            batch: ``row`` (B,) int and ``evidence`` (B,) objects.

        Returns:
            ``row``, ``values`` and ``known`` (B, heads), ``flagged``, ``problem``, and ``failure``: what kept the judge
            from working at all, else empty. It travels as a column, since Ray Data wraps an exception in words of its
            own.
        """
        evidence, failure = list(batch["evidence"]), ""
        try:
            labels = self._judge.judge(evidence)
        except EcrError as error:
            labels, failure = no_labels(len(evidence)), str(error)
        return {
            "row": batch["row"],
            "values": labels.values,
            "known": labels.known,
            "flagged": labels.flagged,
            "problem": np.array(labels.problems, dtype=object),
            "failure": np.array([failure] * len(evidence), dtype=object),
        }
