"""Ray Tune's search space of a sweep, and the conversion of a draw to settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ray import tune

from ecr_rl.sweep.axes import Axis, grid_points
from ecr_rl.sweep.settings import SweepSettings

_SMALLEST = 1e-6
"""The smallest draw in (0, 1), since its logarithm is taken."""


def tune_space(sweep: SweepSettings) -> dict[str, Any]:
    """Tune's space, by ``section.key``; except on a grid, a simplex is one draw in (0, 1) for each of its names."""
    grid = sweep.search.sampler == "grid"
    return {key: tune.grid_search(grid_points(axis)) if grid else _domain(axis) for key, axis in sweep.space.items()}


def mutations(sweep: SweepSettings) -> dict[str, Any]:
    """The space that population based training varies; choices are a list, which it steps along."""
    lists = {key: list(axis.choices) for key, axis in sweep.space.items() if axis.choices is not None}
    return tune_space(sweep) | lists


def values_of(sample: Mapping[str, Any], sweep: SweepSettings) -> dict[str, Any]:
    """Convert a draw to settings, by ``section.key``.

    Numbers are clipped to their range, since population based training may leave it.
    """
    drawn = sweep.search.sampler != "grid"
    return {key: _value(sample[key], axis) if drawn else sample[key] for key, axis in sweep.space.items()}


def equal_weights(values: Mapping[str, Any], sweep: SweepSettings) -> dict[str, Any]:
    """A trial's settings with equal weights in each simplex; all other settings stay."""
    names = {key: axis.simplex for key, axis in sweep.space.items() if axis.simplex is not None}
    return {**values, **{key: dict.fromkeys(heads, 1 / len(heads)) for key, heads in names.items()}}


def simplex_weights(draws: Mapping[str, float]) -> dict[str, float]:
    """Convert independent uniform draws in (0, 1) to weights that sum to 1, uniformly over all such weights.

    Exponential variables over their sum are Dirichlet(1, ..., 1) (Devroye, Non-Uniform Random Variate Generation, 1986,
    chapter XI.4).
    """
    waits = {name: -math.log(min(max(draw, _SMALLEST), 1 - _SMALLEST)) for name, draw in draws.items()}
    total = sum(waits.values())
    return {name: wait / total for name, wait in waits.items()}


def _domain(axis: Axis) -> Any:
    if axis.simplex is not None:
        return {name: tune.uniform(0.0, 1.0) for name in axis.simplex}
    if axis.choices is not None:
        return tune.choice(list(axis.choices))
    return tune.loguniform(*axis.log_uniform) if axis.log_uniform is not None else tune.uniform(*axis.bounds)


def _value(drawn: Any, axis: Axis) -> Any:
    if axis.simplex is not None:
        return simplex_weights({name: drawn[name] for name in axis.simplex})
    if axis.choices is not None:
        return drawn
    low, high = axis.bounds
    return min(max(float(drawn), low), high)
