"""``overall`` as a weighted sum of measured parts, fitted to people's overall ratings of replies and dialogues.

The weights are shrunk towards equal ones, since few ratings are at hand and weights fitted freely to one data set carry
over to another less well than equal ones do (R. M. Dawes, "The robust beauty of improper linear models in decision
making", American Psychologist 34(7), 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import nnls

from algorithms.people.measured_parts import PARTS

PULL = 10.0
"""Weight of the pull towards equal weights beside one data set; chosen by leaving one data set out."""
LIMIT = 3.0
"""A part's standardised value is held to this many deviations, so that none of them decides alone."""
RESAMPLES = 300
"""Resamples of groups that give the weights' intervals."""
_LEAST = 20
"""The fewest rated records of a set that weights are fitted to."""


@dataclass(frozen=True)
class OverallRatings:
    """One data set: N rated replies or dialogues.

    Attributes:
        name: of the set.
        parts: (N, parts) as ``PartReader`` measures them; of a dialogue the means over its recommender's turns.
        ratings: (N,) people's mean overall ratings, scaled to [0, 1].
        groups: (N,) the dialogue of each, as a number; resampled as a whole.
        turns: (M, parts) of every single reply, which give the parts' means and deviations.
    """

    name: str
    parts: np.ndarray
    ratings: np.ndarray
    groups: np.ndarray
    turns: np.ndarray


@dataclass(frozen=True)
class OverallFit:
    """``overall = level + slope x sum over the parts of weight x z``, held to [0, 1].

    z is the part's value less ``centre``, over ``scale``, held to ``LIMIT`` deviations.

    Attributes:
        centre: (parts,) means of the parts.
        scale: (parts,) their deviations.
        weights: (parts,), at least 0, of sum 1.
        level: people's mean rating, scaled to [0, 1].
        slope: what a unit of the weighted sum adds to the expected rating.
        facts: the sets with n, the pull, and the weights' intervals.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    level: float
    slope: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    def of(self, parts: np.ndarray) -> np.ndarray:
        """The expected overall rating in [0, 1], (N,), of N replies with these parts (N, parts)."""
        return np.clip(self.level + self.slope * (self.standardised(parts) @ self.weights), 0.0, 1.0)

    def standardised(self, parts: np.ndarray) -> np.ndarray:
        """The parts (N, parts) in deviations from their means, held to ``LIMIT``."""
        return _standardised(parts, self.centre, self.scale)

    def to_json(self) -> dict[str, Any]:
        """The fit as JSON values; ``from_json`` reads them back."""
        columns = {"centre": self.centre, "scale": self.scale, "weight": self.weights}
        parts = {
            name: {key: float(values[column]) for key, values in columns.items()} for column, name in enumerate(PARTS)
        }
        return {"parts": parts, "level": self.level, "slope": self.slope, "facts": dict(self.facts)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> OverallFit:
        """The fit of ``to_json``.

        Raises:
            ValueError: it holds other parts, or numbers that no fit gives.
        """
        parts = values["parts"]
        if list(parts) != list(PARTS):
            raise ValueError(f"weights of {', '.join(parts)}, not of {', '.join(PARTS)}")
        centre, scale, weights = (
            np.array([float(parts[name][key]) for name in PARTS]) for key in ("centre", "scale", "weight")
        )
        level, slope, facts = float(values["level"]), float(values["slope"]), dict(values["facts"])
        if not np.isfinite([*centre, *scale, *weights, level, slope]).all() or (scale <= 0).any():
            raise ValueError("a weight, mean or deviation is not finite, or a deviation not above 0")
        if missing := {"sets", "pull", "intervals"} - facts.keys():
            raise ValueError(f"its facts lack {', '.join(sorted(missing))}")
        return cls(centre, scale, weights, level, slope, facts)


def fit_overall(
    sets: Sequence[OverallRatings], seed: int = 0, pull: float = PULL, resamples: int = RESAMPLES
) -> OverallFit:
    """Fit the weights to all sets, each of which weighs the same.

    They minimise ``sum over sets of mean (y - z w)^2 + pull |w - c|^2`` over w >= 0, with y a set's standardised
    ratings, z its centred parts, and c the same number for every part: the least-squares weight of their plain sum.

    Args:
        sets: at least one, each of ``_LEAST`` records or more whose ratings vary.
        seed: of the bootstrap over groups that gives the intervals.
        pull: weight of the pull towards equal weights.
        resamples: 0 leaves out the intervals.

    Raises:
        ValueError: no set can be fitted.
    """
    usable = [each for each in sets if len(each.ratings) >= _LEAST and each.ratings.std() > 0]
    if not usable:
        raise ValueError(f"no set has {_LEAST} overall ratings that vary")
    centre = np.mean([each.turns.mean(0) for each in usable], axis=0)
    scale = np.sqrt(np.mean([each.turns.var(0) for each in usable], axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    weights = _weights(usable, centre, scale, [np.arange(len(each.ratings)) for each in usable], pull)
    rng = np.random.default_rng([seed, 31])
    drawn = [
        _weights(usable, centre, scale, [_resampled(each, rng) for each in usable], pull) for _ in range(resamples)
    ]
    low, high = np.percentile(drawn or [weights], [2.5, 97.5], axis=0)
    level = float(np.mean([each.ratings.mean() for each in usable]))
    slopes = [_slope(_standardised(each.parts, centre, scale) @ weights, each.ratings) for each in usable]
    facts = {
        "sets": {each.name: len(each.ratings) for each in usable},
        "pull": pull,
        "intervals": {name: [float(low[column]), float(high[column])] for column, name in enumerate(PARTS)},
    }
    return OverallFit(centre, scale, weights, level, max(0.0, float(np.mean(slopes))), facts)


def _weights(
    sets: Sequence[OverallRatings], centre: np.ndarray, scale: np.ndarray, rows: Sequence[np.ndarray], pull: float
) -> np.ndarray:
    """The weights, of sum 1, on these rows of each set; equal ones where the parts tell nothing."""
    designs, targets = [], []
    for each, chosen in zip(sets, rows, strict=True):
        parts, ratings = _standardised(each.parts[chosen], centre, scale), each.ratings[chosen]
        deviation = ratings.std()
        if deviation > 0:
            designs.append((parts - parts.mean(0)) / np.sqrt(len(chosen)))
            targets.append((ratings - ratings.mean()) / deviation / np.sqrt(len(chosen)))
    count = len(centre)
    if not designs:
        return np.full(count, 1.0 / count)
    design, target = np.concatenate(designs), np.concatenate(targets)
    equal = max(0.0, _slope(design.sum(1), target, centred=False))
    pulled = np.vstack([design, np.sqrt(pull) * np.eye(count)])
    solution = nnls(pulled, np.concatenate([target, np.full(count, np.sqrt(pull) * equal)]))[0]
    return solution / solution.sum() if solution.sum() > 0 else np.full(count, 1.0 / count)


def _slope(sums: np.ndarray, ratings: np.ndarray, centred: bool = True) -> float:
    """Least squares of the ratings on the sums."""
    if centred:
        sums, ratings = sums - sums.mean(), ratings - ratings.mean()
    power = float(sums @ sums)
    return float(sums @ ratings) / power if power > 0 else 0.0


def _resampled(each: OverallRatings, rng: np.random.Generator) -> np.ndarray:
    """Rows of groups drawn with replacement."""
    groups = np.unique(each.groups)
    rows = {group: np.flatnonzero(each.groups == group) for group in groups}
    return np.concatenate([rows[group] for group in rng.choice(groups, len(groups))])


def _standardised(parts: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((parts - centre) / scale, -LIMIT, LIMIT)
