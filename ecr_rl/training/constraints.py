"""What a policy may not lose to be kept: figures on validation dialogues that may fall by a margin at most.

The selecting evaluator ranks policies, and predicts the rubric that also made the critic's labels. What a constraint
measures is no part of that rubric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from algorithms.settings.ppo import PPOSettings

_LEAST_MARGIN = 1e-9
"""In place of a margin of 0, and what rounding may add to a fall, in margins."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A policy's figures on the validation dialogues; means over a dialogue's turns, then over dialogues.

    Attributes:
        iteration: the last iteration of its training; 0 is the supervised policy.
        score: the selecting evaluator's score, 0 to 1.
        reward: the run's own reward, for comparison.
        length: words a reply.
        dist2: distinct word bigrams divided by all word bigrams, over all replies together.
        kl: to the supervised policy, nats a token, on the conversations that the iteration trained on.
        success: share of conversations in which the seeker accepted a film, without those in which it failed.
        failures: conversations in which the seeker failed.
        pmi: of replies and contexts with titles as slots, nats a token; None where it was not measured.
        people: the people's evaluator's score, 0 to 1; None without such an evaluator.
        people_deviation: standard deviation of that score over all turns; None as well.
    """

    iteration: int
    score: float
    reward: float
    length: float
    dist2: float
    kl: float
    success: float
    failures: int
    pmi: float | None = None
    people: float | None = None
    people_deviation: float | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """A figure of a policy that may not fall by more than a margin.

    Attributes:
        name: ``success``, ``pmi``, ``people`` or ``dist2``: the figure's name in ``Scored``.
        value: the policy's.
        start: the supervised policy's, on the same dialogues.
        margin: the largest fall that is allowed, in the figure's unit.
    """

    name: str
    value: float
    start: float
    margin: float

    @property
    def slack(self) -> float:
        """How far the value may still fall, in margins: 1 at the start's own value, below 0 where it fell too far."""
        return 1.0 - (self.start - self.value) / max(self.margin, _LEAST_MARGIN)

    @property
    def satisfied(self) -> bool:
        """Whether ``value >= start - margin``."""
        return self.slack >= -_LEAST_MARGIN


def constraints_of(settings: PPOSettings, policy: Scored, start: Scored) -> list[Constraint]:
    """The constraints on a policy: those that the settings set a margin for and that were measured.

    Args:
        settings: ``select_success``, ``select_pmi``, ``select_people`` and ``select_variety``.
        policy: the policy.
        start: the supervised policy, on the same dialogues.
    """
    deviation = start.people_deviation or 0.0
    margins = {
        "success": settings.select_success,
        "pmi": settings.select_pmi,
        "people": None if settings.select_people is None else settings.select_people * deviation,
        "dist2": (1.0 - settings.select_variety) * start.dist2 if settings.select_variety else None,
    }
    constraints = []
    for name, margin in margins.items():
        value, first = getattr(policy, name), getattr(start, name)
        if margin is not None and value is not None and first is not None:
            constraints.append(Constraint(name, value, first, margin))
    return constraints


def violated(constraints: Sequence[Constraint]) -> list[str]:
    """The names of the constraints that are not satisfied."""
    return [constraint.name for constraint in constraints if not constraint.satisfied]


def rank(score: float, constraints: Sequence[Constraint]) -> float:
    """A number by which the larger policy is the better one.

    It is the score, 0 to 1, of a policy that satisfies all constraints. Others are below 0: those that violate fewer
    constraints first, then those whose largest violation is smaller.

    Args:
        score: the selecting evaluator's.
        constraints: on the policy.

    Returns:
        The score, or ``-n + s / (1 - s)`` for n violated constraints and the smallest slack s, which is below 0.
    """
    slacks = [constraint.slack for constraint in constraints if not constraint.satisfied]
    if not slacks:
        return score
    least = min(slacks)
    return -len(slacks) + least / (1.0 - least)
