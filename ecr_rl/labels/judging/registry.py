"""The judges by name, and how the one that the settings name is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.settings import JudgeSettings
from envs.builtin_heads import heads_of
from envs.catalog import Catalog
from envs.heads import Head
from envs.registry import Registry, build

RUBRIC, TRANSFORMERS, OPENAI = "rubric", "transformers", "openai"


@dataclass(frozen=True, slots=True)
class JudgeInputs:
    """What a judge is made from; it travels to workers, and each makes its own judge.

    Attributes:
        settings: the judge's own: model, endpoint, context form.
        catalog: the films.
        head_names: the heads to score, as the config names them.
        rubric: makes the rubric judge.
        cache: folder of what a judge keeps between runs.
        task: what the file of ``settings.prompt`` says; None where none is named.
    """

    settings: JudgeSettings
    catalog: Catalog
    head_names: tuple[str, ...]
    rubric: Callable[[], Judge]
    cache: Path
    task: str | None = None

    @property
    def heads(self) -> tuple[Head, ...]:
        """The definitions of the heads, in their order."""
        return heads_of(self.head_names)


JUDGES: Registry[Callable[[JudgeInputs], Judge]] = Registry(
    "judge",
    {
        RUBRIC: lambda inputs: inputs.rubric(),
        TRANSFORMERS: "ecr_rl.labels.judging.judges:model_judge",
        OPENAI: "ecr_rl.labels.judging.judges:endpoint_judge",
    },
)
"""What makes each judge: a class or function that takes ``JudgeInputs``."""


def build_judge(inputs: JudgeInputs) -> Judge:
    """The judge that ``inputs.settings.judge`` names.

    Raises:
        ConfigError: no judge of that name, or an own one that lacks something of ``Judge``.
        EcrError: a model cannot be loaded, or packages are missing.
    """
    return build(JUDGES, inputs.settings.judge, Judge, inputs)
