"""What a comparison of two systems found, in the form that it has in ``report.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from ecr_rl.evaluation.bootstrap import Interval, Metrics
from envs.json_record import JsonRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Systems(Generic[T]):
    """One value of each of the two systems that are compared."""

    baseline: T
    rl: T

    def items(self) -> tuple[tuple[str, T], tuple[str, T]]:
        """Both with their names, the baseline first."""
        return ("baseline", self.baseline), ("rl", self.rl)


@dataclass(frozen=True, slots=True)
class Section(JsonRecord):
    """Figures of both systems.

    Attributes:
        systems: of each its figures by name.
        difference: rl - baseline, paired by dialogue.
    """

    systems: Systems[Metrics]
    difference: Metrics


@dataclass(frozen=True, slots=True)
class SacrebleuScores:
    """Corpus BLEU of both systems, 0 to 100, and the signature that names its settings."""

    baseline: float
    rl: float
    signature: str


@dataclass(frozen=True, slots=True)
class FurtherFigures(Section):
    """Figures beside those that a report begins with.

    Attributes:
        missing: names of those without data of one system or both.
        sacrebleu: None unless both systems have gold cases.
    """

    missing: list[str]
    sacrebleu: SacrebleuScores | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlations of the critic's and the held-out score over dialogues: of each system, and of the gain."""

    baseline: Interval | None
    rl: Interval | None
    gain: Interval | None


@dataclass(frozen=True, slots=True)
class FrequentReply:
    """A reply, how often a system gave it, and its share of all replies."""

    reply: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How intervals were drawn: the method, the share of resamples inside, how many there are, their seed."""

    method: str
    coverage: float
    resamples: int
    seed: int


@dataclass(frozen=True, slots=True)
class Comparison(Section):
    """Two systems on the same dialogues.

    Attributes:
        n: dialogues.
        n_like_length: those in which both systems write replies of like length.
        conversations: on each dialogue.
        missing: names of the figures without data of one system or both.
        more: further figures.
        agreement: of the critic that pays and the evaluator that reports.
        frequent: each system's most frequent replies.
        formulas: how each figure is computed.
        bootstrap: how the intervals were drawn.
    """

    n: int
    n_like_length: int
    conversations: int
    missing: list[str]
    more: FurtherFigures
    agreement: Agreement
    frequent: Systems[list[FrequentReply]]
    formulas: dict[str, str]
    bootstrap: Bootstrap


@dataclass(frozen=True, slots=True)
class Evaluation(Comparison):
    """A comparison by conversations with a seeker.

    Attributes:
        seeker_failures: conversations that are in no figure: the seeker could not answer.
    """

    seeker_failures: int
