"""What each of several judges weighs in their common labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecr_rl.tables import shown
from envs.errors import ModelError


@dataclass(frozen=True, slots=True)
class PeopleAgreement:
    """How a judge's scores of rated replies agree with people.

    Attributes:
        rho: Spearman's; None where it is not defined, since the judge always says the same or scores nothing.
        n: replies that it scored.
    """

    rho: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Weighing:
    """The weights of J judges.

    Attributes:
        weights: J shares, which add up to 1.
        by: what decided them: ``equal``, ``settings`` or ``agreement with people``.
        people: J agreements, in the last case; else none.
    """

    weights: tuple[float, ...]
    by: str
    people: tuple[PeopleAgreement, ...] = ()


def equal_weights(count: int) -> Weighing:
    """The same share for each judge."""
    return Weighing((1.0 / count,) * count, "equal")


def given_weights(weights: Sequence[float]) -> Weighing:
    """Shares in proportion to weights of 0 or more, one of them above 0."""
    return Weighing(_shares(weights), "settings")


def weights_by_agreement(names: Sequence[str], people: Sequence[PeopleAgreement]) -> Weighing:
    """Shares in proportion to ``max(0, rho)``.

    Args:
        names: of the judges, for the message.
        people: how each agrees with people.

    Raises:
        ModelError: no judge's rho is above 0.
    """
    weights = [max(0.0, agreement.rho or 0.0) for agreement in people]
    if not any(weights):
        told = ", ".join(f"{name} rho {shown(one.rho)} (n {one.n})" for name, one in zip(names, people, strict=True))
        raise ModelError(
            f"no judge agrees with people's ratings: {told}. Choose another judge, model or prompt, or weigh them "
            "yourself: labels.weight, and weight of each of labels.more_judges"
        )
    return Weighing(_shares(weights), "agreement with people", tuple(people))


def weighted_mean(scores: np.ndarray, weights: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The mean over the judges that know a score, by their weights.

    A head that no judge of weight above 0 scores at all, such as one that only the rubric can measure, is the plain
    mean of those that do.

    Args:
        scores: (J, N, H) of J judges, N replies and H heads, NaN where unknown.
        weights: J shares.

    Returns:
        (N, H) means, 0 where unknown, and (N, H) which are known.
    """
    known = ~np.isnan(scores)
    shares = np.broadcast_to(np.asarray(weights, dtype=np.float64)[:, None], (len(scores), scores.shape[2]))
    unweighed = ~(known.any(axis=1) & (shares > 0)).any(axis=0)
    counted = known * np.where(unweighed, 1.0, shares)[:, None, :]
    total = counted.sum(axis=0)
    mean = (np.where(known, scores, 0.0) * counted).sum(axis=0) / np.where(total > 0, total, 1.0)
    return mean, total > 0


def _shares(weights: Sequence[float]) -> tuple[float, ...]:
    total = sum(weights)
    return tuple(weight / total for weight in weights)
