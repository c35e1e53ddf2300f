"""Labels of each judge in a folder of its own, which outlives a killed run.

    <cache>/judged-<hash12>/    one judge's labels of one plan: a label folder, complete or begun

The folder is named by what decides it: the examples, the judge with its model and prompt, and the code. So a run that
weighs its judges otherwise, or adds one, asks none of the others again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecr_rl.labels.judging.registry import RUBRIC
from ecr_rl.labels.labelling import LabelPlan, label_examples
from ecr_rl.labels.prepared_judge import PlannedLabels
from ecr_rl.labels.storage.store import FACTS, read_facts
from ecr_rl.runs.artefacts import ArtefactCache
from envs.progress import OnStep

SLOW_SHARD, SLOW_BATCH = 64, 16
"""Rows of a shard, and of one call, of a judge other than the rubric: what a killed labelling loses at most."""


class KeptLabels:
    """Labels by one judge at a time, each plan's in its own folder of the cache."""

    def __init__(self, cache: Path, code: str) -> None:
        """Keep labels in this cache; ``code`` is the version of the code that makes them."""
        self._cache, self._code = ArtefactCache(cache), code

    def folder(self, plan: LabelPlan) -> Path:
        """The folder of a plan's labels, whether it exists or not."""
        return self._cache.folder("judged", {"code": self._code, **plan.identity})

    def begun(self, plan: LabelPlan) -> bool:
        """Whether the folder has all of the plan's labels or some."""
        return any(self.folder(plan).glob("part-*.parquet"))

    def label(self, planned: PlannedLabels, on_step: OnStep) -> Path:
        """The folder with all labels of a plan; those that it lacks are made, and a killed labelling goes on.

        Raises:
            EcrError: the judge could not work at all.
        """
        judge, plan = planned.judge, planned.plan
        folder = self.folder(plan)
        with self._cache.only_builder(folder):
            if not (folder / FACTS).is_file() or not read_facts(folder).get("complete"):
                slow = judge.settings.judge != RUBRIC
                label_examples(
                    plan,
                    folder,
                    workers=judge.workers,
                    shards=-(-len(plan.rows) // SLOW_SHARD) if slow else None,
                    resume=True,
                    on_step=on_step,
                    batch=SLOW_BATCH if slow else 64,
                    gpus_per_worker=judge.gpus,
                )
        on_step(len(plan.rows), len(plan.rows), {})
        return folder


def names_of(planned: Sequence[PlannedLabels]) -> list[str]:
    """How tables call the judges: by their names, with model and number where that is not enough."""
    settings = [one.judge.settings for one in planned]
    names = [judge.judge for judge in settings]
    models = [judge.model.rstrip("/").rpartition("/")[2] for judge in settings]
    with_models = [f"{name} {model}".rstrip() for name, model in zip(names, models, strict=True)]
    numbered = [f"{name} {index}" for index, name in enumerate(with_models, start=1)]
    return next(told for told in (names, with_models, numbered) if len(set(told)) == len(told))
