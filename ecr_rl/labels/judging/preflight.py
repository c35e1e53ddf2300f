"""Try a judge before a long run: are its answers readable, do scores vary, does it fit, how long will it take?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from ecr_rl.labels.judging.judge_protocol import Evidence, Judge
from ecr_rl.settings import JudgeSettings
from ecr_rl.tables import shown
from envs.corpora.spread import evenly_spread
from envs.errors import ModelError

SAMPLE = 20
LEAST_READ, LEAST_SPREAD = 0.8, 1e-3
"""The least share of readable answers, and the least standard deviation of a head."""


@dataclass(frozen=True)
class Preflight:
    """The result of a trial.

    Attributes:
        n: number of pieces judged.
        parse_rate: share of them with scores.
        spread: standard deviation of each head; None without a readable answer.
        seconds: for each piece.
        hours: for the whole run at that pace.
        memory_gb: estimated memory of the model in gigabytes; None if it does not run here.
        refusal: why the judge is refused; empty if it is accepted.
    """

    n: int
    parse_rate: float
    spread: dict[str, float | None]
    seconds: float
    hours: float
    memory_gb: float | None
    refusal: str

    def line(self, total: int) -> str:
        """The result in one line, for a run of ``total`` pieces."""
        spread = ", ".join(f"{head} {shown(value)}" for head, value in self.spread.items())
        memory = "" if self.memory_gb is None else f"; about {self.memory_gb:.1f} GB"
        return (
            f"preflight: {self.parse_rate:.0%} of {self.n} answers readable; spread {spread}; {self.seconds:.1f} s a "
            f"reply, {self.hours:.1f} h for {total:,}{memory}"
        )


def preflight(judge: Judge, evidence: Sequence[Evidence], total: int, memory_gb: float | None = None) -> Preflight:
    """Let a judge score a few pieces.

    Args:
        judge: the judge to try.
        evidence: about ``SAMPLE`` pieces of different kinds.
        total: number of pieces of the long run.
        memory_gb: the estimate of ``check_memory``.
    """
    begun = time.monotonic()
    labels = judge.judge(evidence)
    seconds = (time.monotonic() - begun) / max(1, len(evidence))
    asked = [head.name for head in judge.heads if head.judged]
    known = labels.known[:, labels.columns(asked)].all(1)
    spread = {
        head: float(labels.values[known, labels.heads.index(head)].std()) if known.any() else None for head in asked
    }
    rate = float(known.mean()) if len(evidence) else 0.0
    refusal = ""
    if rate < LEAST_READ:
        problem = next(filter(None, labels.problems), "no scores")
        refusal = f"it answers readably to {rate:.0%} of {len(evidence)} pieces only ({problem})"
    elif constant := [head for head, value in spread.items() if value is not None and value < LEAST_SPREAD]:
        refusal = f"its scores do not differ on {', '.join(constant)}"
    return Preflight(len(evidence), rate, spread, seconds, seconds * total / 3600, memory_gb, refusal)


def parameters_of(model: str) -> int:
    """The number of parameters of a folder's or hub id's model, by its config alone.

    Raises:
        ModelError: the model does not exist.
    """
    from transformers import AutoConfig

    from algorithms.model_files import ModelFiles
    from ecr_rl.labels.judging.model_judge import model_size

    with ModelFiles(model, f"{model}: no model there", "Give labels.model (--model) a folder or a hub id"):
        return model_size(AutoConfig.from_pretrained(model, trust_remote_code=False))


def check_memory(settings: JudgeSettings) -> float:
    """Gigabytes that the model will need, by its config alone.

    Raises:
        ModelError: the model does not fit or does not exist.
    """
    import torch

    parameters = parameters_of(settings.model)
    cuda = torch.cuda.is_available()
    bytes_each = 0.6 if settings.four_bit else 2.0 if cuda else 4.0
    needed = parameters * bytes_each * 1.15 / 1e9  # activations and the KV cache take about a seventh
    free = torch.cuda.mem_get_info()[0] / 1e9 if cuda else psutil.virtual_memory().available / 1e9
    if needed > free:
        more = "" if settings.four_bit else ", or set labels.four_bit (--four-bit)"
        remedy = f"Choose a smaller one{more}"
        raise ModelError(f"{settings.model} needs about {needed:.1f} GB, and {free:.1f} GB are free. {remedy}")
    return needed


def gpus_of_a_judge() -> int:
    """The number of GPUs that a chat model uses: one if the machine has any, else none."""
    import torch

    return int(torch.cuda.is_available())


def sample_of(evidence: Sequence[Evidence]) -> list[Evidence]:
    """``SAMPLE`` pieces, spread evenly."""
    return [evidence[index] for index in evenly_spread(len(evidence), SAMPLE)]
