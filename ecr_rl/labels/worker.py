"""A judge in a worker process. The module imports little, so that a worker loads only what its judge needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ecr_rl.labels.judging.judge_protocol import Judge, no_labels
from envs.errors import EcrError


class JudgeWorker:
    """Labels batches of evidence for Ray Data; it builds its judge at the first batch."""

    def __init__(self, make_judge: Callable[[], Judge], heads: Sequence[str]) -> None:
        """Judge with what this builds; ``heads`` names what it scores."""
        self._make_judge, self._heads = make_judge, heads

    @cached_property
    def _judge(self) -> Judge:
        return self._make_judge()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Label a batch.

        Args:
            batch: ``row`` (B,) int and ``evidence`` (B,) objects.

        Returns:
            ``row``, ``values`` and ``known`` (B, heads), ``flagged``, ``problem``, and ``failure``: why the judge could
            not work at all, else empty. It is a column, not an exception, since Ray Data would wrap an exception in its
            own message.
        """
        evidence, failure = list(batch["evidence"]), ""
        try:
            labels = self._judge.judge(evidence)
        except EcrError as error:
            labels, failure = no_labels(len(evidence), self._heads), str(error)
        return {
            "row": batch["row"],
            "values": labels.values,
            "known": labels.known,
            "flagged": labels.flagged,
            "problem": np.array(labels.problems, dtype=object),
            "failure": np.array([failure] * len(evidence), dtype=object),
        }
