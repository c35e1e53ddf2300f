"""A judge of the settings made ready to label: its prompt read, its model pinned, its memory checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ecr_rl.labels.judging.endpoint_judge import check_endpoint
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.judging.judges import with_folder
from ecr_rl.labels.judging.preflight import (
    Preflight,
    check_memory,
    gpus_of_a_judge,
    parameters_of,
    preflight,
    sample_of,
)
from ecr_rl.labels.judging.prompt import read_prompt
from ecr_rl.labels.judging.registry import JUDGES, OPENAI, RUBRIC, TRANSFORMERS, JudgeInputs, build_judge
from ecr_rl.labels.labelling import LabelPlan
from ecr_rl.runs.artefacts import model_version
from ecr_rl.runs.source_closure import source_hash
from ecr_rl.settings import JudgeSettings
from envs.catalog import Catalog
from envs.files import user_path
from envs.registry import is_own


@dataclass(frozen=True)
class PreparedJudge:
    """A judge that can begin.

    Attributes:
        inputs: what it is made from.
        version: what pins it beside its own provenance: its model's weights, or its own code.
        memory_gb: gigabytes that its model needs here; None without a model in this process.
        gpus: of each worker.
        workers: judges at work side by side, where nothing else is said.
    """

    inputs: JudgeInputs
    version: Mapping[str, object] = field(default_factory=dict)
    memory_gb: float | None = None
    gpus: int = 0
    workers: int = 1

    @property
    def settings(self) -> JudgeSettings:
        """Its settings, with a folder in place of a packaged model's name."""
        return self.inputs.settings

    @property
    def make(self) -> Callable[[], Judge]:
        """Builds the judge; can be sent to a worker."""
        return partial(build_judge, self.inputs)

    def planned(self, like: LabelPlan) -> PlannedLabels:
        """This judge, and a plan of the same examples for it.

        Raises:
            EcrError: the judge cannot be built.
        """
        judge = self.make()
        plan = replace(
            like,
            make_judge=self.make,
            judge=judge.name,
            heads=judge.heads,
            provenance={**judge.provenance, **self.version},
            context=self.settings.context,
        )
        return PlannedLabels(self, plan)


@dataclass(frozen=True)
class PlannedLabels:
    """A judge, and the plan of what it is to label."""

    judge: PreparedJudge
    plan: LabelPlan

    def try_judge(self) -> Preflight | None:
        """Let the judge score a few of the plan's examples; None for the rubric, which needs no trial."""
        if self.judge.settings.judge == RUBRIC:
            return None
        rows = self.plan.rows
        sample = sample_of([example.evidence for _, _, example in rows])
        return preflight(self.judge.make(), sample, len(rows), self.judge.memory_gb)


def prepare_judge(
    settings: JudgeSettings, catalog: Catalog, heads: Sequence[str], rubric: Callable[[], Judge], cache: Path
) -> PreparedJudge:
    """Make the judge of these settings ready.

    Args:
        settings: which judge, and its options.
        catalog: the films.
        heads: what it scores, as ``envs.builtin_heads.heads_of`` takes it.
        rubric: makes the rubric judge.
        cache: folder of packaged models, and of what a judge keeps between runs.

    Raises:
        ConfigError: as ``check_judge``.
        ModelError: a model does not exist, or does not fit in memory.
    """
    check_judge(settings)
    version: dict[str, object] = {"code": source_hash(settings.judge)} if is_own(settings.judge) else {}
    memory, gpus = None, 0
    if settings.judge == TRANSFORMERS:
        settings = with_folder(settings, cache)
        memory, gpus = check_memory(settings), gpus_of_a_judge()
        version["weights"] = _weights_version(settings.model)
    inputs = JudgeInputs(settings, catalog, tuple(heads), rubric, cache, read_prompt(settings.prompt))
    workers = os.cpu_count() or 1 if settings.judge == RUBRIC else 1
    return PreparedJudge(inputs, version, memory, gpus, workers)


def check_judge(settings: JudgeSettings) -> None:
    """Refuse a judge that cannot work, as far as that is known without a model or a request.

    Raises:
        ConfigError: there is no such judge, endpoint or prompt file, or the environment holds no usable key.
    """
    JUDGES.get(settings.judge)
    read_prompt(settings.prompt)
    if settings.judge == OPENAI:
        check_endpoint(settings)


def check_models(judges: Sequence[JudgeSettings]) -> None:
    """Refuse judges whose models do not exist, by their configs; a packaged model is there or told of when it is read.

    Raises:
        ModelError: there is no such model.
    """
    for model in _models(judges):
        parameters_of(model)


def hub_commits(judges: Sequence[JudgeSettings]) -> list[str]:
    """What pins the judges' models of the hub: each one's commit.

    Raises:
        ModelError: there is no such model.
    """
    return [_weights_version(model) for model in _models(judges) if not user_path(model).exists()]


def _models(judges: Sequence[JudgeSettings]) -> list[str]:
    """The folders and hub ids of chat models that judge in this process; packaged ones are none."""
    from algorithms.chat.packaged import PACKAGED

    return [judge.model for judge in judges if judge.judge == TRANSFORMERS and judge.model not in ("", *PACKAGED)]


def _weights_version(model: str) -> str:
    """What pins a model: the hash of a folder's content, or a hub id's commit."""
    from algorithms.model_files import hub_commit

    version = model_version(model)
    return hub_commit(model) if version == model else version
