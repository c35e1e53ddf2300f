"""What a run's report says, in the form that it has in ``report.json``."""

from __future__ import annotations

from dataclasses import dataclass

from ecr_rl.evaluation.conversations.comparison import Comparison
from ecr_rl.report.criteria import Criterion
from ecr_rl.report.facts import Facts


@dataclass(frozen=True, slots=True)
class Report(Comparison):
    """A comparison, and what it means.

    Attributes:
        facts: of the run.
        protocol: how the figures were made, by topic.
        verdict: what the figures say, a sentence each; the last says how many bars are met.
        bars: what a gain has to keep.
        command: that made the run; None where it is not known.
    """

    facts: Facts
    protocol: dict[str, str]
    verdict: list[str]
    bars: list[Criterion]
    command: str | None
