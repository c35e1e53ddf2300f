"""What a sweep draws for each setting, and the checks that every trial can take it and differs by it.

A sweep is refused before anything is trained. Importing this needs neither torch nor ray.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, get_args

import numpy as np
from pydantic import TypeAdapter, model_validator

from ecr_rl.config import RunConfig, overridden
from ecr_rl.overrides import Override
from envs.errors import ConfigError
from envs.inputs.text import quoted
from envs.marks import NOTHING, Settings, Stage, mark_at, setting, type_at, value_at

_STAGES: tuple[Stage, ...] = get_args(Stage)
_TRIAL: Stage = "ppo"
"""The stage that a trial is."""
_JUDGES, _OFTEN = "ppo.select_", "ppo.select_every"
"""How settings begin that decide what policies are judged by; the one of them that decides when."""
_INSIDE = (5**0.5 - 1) / 2
"""Where inside a range a draw is tried: the golden section, which is no whole number whatever whole ends it has."""
_MOST_TRIALS = 10_000
"""The most trials of a grid."""
_MOST_TRIED = 32
"""The most points of a range that are each tried, and values of an axis with those of others; of more, the ends."""


class Axis(Settings):
    """The distribution of one setting: exactly one of the four.

    ``simplex`` draws weights of named heads that sum to 1, uniformly over all such weights (Dirichlet(1, ..., 1)).
    """

    uniform: tuple[float, float] | None = setting(None, rebuilds={"sweep"}, description="from, to")
    log_uniform: tuple[float, float] | None = setting(
        None, rebuilds={"sweep"}, description="from, to; uniform in the logarithm"
    )
    choices: tuple[Any, ...] | None = setting(None, rebuilds={"sweep"}, min_length=1, description="any of these values")
    simplex: tuple[str, ...] | None = setting(
        None, rebuilds={"sweep"}, min_length=2, description="names that share a weight of 1"
    )
    steps: int | None = setting(
        None,
        rebuilds={"sweep"},
        ge=1,
        le=_MOST_TRIALS,
        description="grid sampler: points of a range; a simplex has multiples of 1 / steps",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Axis:
        given = [name for name in ("uniform", "log_uniform", "choices", "simplex") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"an axis is one of uniform, log_uniform, choices and simplex; this is {given or 'none'}")
        bounds = self.uniform or self.log_uniform
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError(f"{given[0]} goes from the smaller to the larger number, not {list(bounds)}")
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError("log_uniform needs numbers above 0")
        if self.simplex is not None and len(set(self.simplex)) < len(self.simplex):
            raise ValueError(f"a simplex names each head once, not {list(self.simplex)}")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends of a range.

        Raises:
            TypeError: it is no range.
        """
        bounds = self.uniform or self.log_uniform
        if bounds is None:
            raise TypeError("this axis has no bounds")
        return bounds


def grid_size(axis: Axis) -> int:
    """The number of values of an axis under the grid sampler, which are not made for that."""
    steps = axis.steps or 1
    if axis.simplex is not None:
        return math.comb(steps + len(axis.simplex) - 1, steps)
    return steps if axis.choices is None else len(axis.choices)


def grid_points(axis: Axis) -> list[Any]:
    """The values of an axis under the grid sampler."""
    steps = axis.steps or 1
    if axis.simplex is not None:
        return [dict(zip(axis.simplex, part, strict=True)) for part in _lattice(len(axis.simplex), steps)]
    if axis.choices is not None:
        return list(axis.choices)
    low, high = axis.bounds
    points = np.linspace(low, high, steps) if axis.log_uniform is None else np.geomspace(low, high, steps)
    return [float(point) for point in points]


def tried_values(axis: Axis, grid: bool) -> list[Any]:
    """Values that stand for all that an axis draws: each of a grid or a choice, of a range its ends and one inside.

    A grid's range of many points is tried at its ends and beside the first, which is no whole number if not all are.
    All weights of a simplex are valid where one is: they are in [0, 1].
    """
    if axis.simplex is None and (grid or axis.choices is not None):
        points = grid_points(axis)
        long = axis.choices is None and len(points) > _MOST_TRIED
        return [points[0], points[-1], points[1]] if long else points
    if axis.simplex is not None:
        return [dict.fromkeys(axis.simplex, 1 / len(axis.simplex))]
    low, high = axis.bounds
    inside = low * (high / low) ** _INSIDE if axis.log_uniform is not None else low + (high - low) * _INSIDE
    return [low, high, inside]


def check_axes(
    space: Mapping[str, Axis],
    grid: bool,
    config: RunConfig,
    places: Mapping[str, str],
    problems: Callable[[RunConfig], Iterator[str]],
) -> None:
    """Refuse an axis that no trial can take, or that no trial can differ by.

    Settings contradict each other in pairs, so each value is tried with each value of each other axis.

    Args:
        space: the axes, by ``section.key``.
        grid: whether the sampler is the grid.
        config: of the run that trials vary.
        places: where each axis is written, for messages.
        problems: what else is wrong with a trial's settings.

    Raises:
        ConfigError: the message names the axis, its value, and what the settings say of it.
    """
    for key, axis in space.items():
        _check_effect(key, axis, space, config, places[key])
    count = math.prod(map(grid_size, space.values())) if grid else 0
    if count > _MOST_TRIALS:
        said = f"{count:,}" if count < 10**15 else "over 10**15"
        raise ConfigError(
            f"{next(iter(places.values()))}: the grid has {said} trials; {_MOST_TRIALS:,} are the most. Take "
            "fewer steps or axes, or another sampler"
        )
    tried = {key: tried_values(axis, grid) for key, axis in space.items()}
    for draw, told in _pairs(tried):
        changes = [Override(_path(key), value, f"{places[key]}={value!r}") for key, value in draw.items()]
        source = f"{places[told[0]]}={draw[told[0]]!r}" + "".join(f", {key}={draw[key]!r}" for key in told[1:])
        try:
            trial = overridden(config, changes, source)
        except ConfigError as error:
            raise ConfigError(f"{error}{_remedy(space, str(error))}") from error
        for problem in problems(trial):
            raise ConfigError(f"{source}: {problem}")
    for key, axis in space.items():
        if grid or axis.choices is not None:
            _check_difference(key, grid_points(axis), grid, places[key])


def _check_difference(key: str, values: Sequence[Any], grid: bool, place: str) -> None:
    """Refuse an axis without two different values, and a grid that has a value twice; all are valid."""
    reads = TypeAdapter(type_at(RunConfig, _path(key))).validate_python
    given = [json.dumps(reads(value), sort_keys=True) for value in values]
    if len(set(given)) < 2:
        raise ConfigError(f"{place}: an axis needs two different values, not {quoted(list(values))}")
    twice = next((value for value, count in Counter(given).items() if count > 1), None)
    if grid and twice is not None:
        raise ConfigError(f"{place}: {twice} stands there twice; a grid would train the same trial again")


def _check_effect(key: str, axis: Axis, space: Mapping[str, Axis], config: RunConfig, place: str) -> None:
    """Refuse a key that is none, one that another axis draws as well, and one that no trial can differ by."""
    for other in space:
        if key.startswith(f"{other}."):
            raise ConfigError(f"{place}: the axis {other} draws {key}, too. Leave one of them out")
    if type_at(RunConfig, _path(key)) is Any:
        overridden(config, [Override(_path(key), tried_values(axis, grid=False)[0], place)], place)
    mark = mark_at(RunConfig, key)
    if mark is None:
        raise ConfigError(f"{place}: {key} is a section. An axis draws one setting of it, as in {key}.KEY")
    stages = mark.rebuilds or NOTHING
    before = [stage for stage in _STAGES[: _STAGES.index(_TRIAL)] if stage in stages]
    remedy = "Set it with changes, or compare runs of ecr-rl train"
    if before:
        made = ", ".join(before)
        raise ConfigError(f"{place}: {key} decides what a sweep makes once, before its trials: {made}. {remedy}")
    if _TRIAL not in stages or mark.resume or mark.same_result:
        raise ConfigError(f"{place}: {key} does not decide what a trial learns; no trial can differ by it. {remedy}")
    if key.startswith(_JUDGES) and key != _OFTEN:
        raise ConfigError(
            f"{place}: {key} decides what trials are judged by, so their objectives could not be compared. {remedy}"
        )
    # Of the weights these sources use the sum alone, and that of a simplex is 1.
    idle = mark.idle if axis.simplex is None else (*mark.idle, ("reward.source", ("random", "length")))
    for other, values in idle:
        drawn = tried_values(space[other], grid=False) if other in space else [value_at(config, other)]
        if all(value in values for value in drawn):
            raise ConfigError(
                f"{place}: {key} changes nothing where {other} is {drawn[0]!r}. Change that, or leave it out"
            )


def _pairs(tried: Mapping[str, Sequence[Any]]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Draws in which each value of an axis meets each value of each other one, and the keys that messages name."""
    first = {key: values[0] for key, values in tried.items()}
    yield first, list(first)
    for key, values in tried.items():
        yield from ((first | {key: value}, [key]) for value in values[1:])
    for one, other in combinations(tried, 2):
        for left, right in product(_paired(tried[one]), _paired(tried[other])):
            yield first | {one: left, other: right}, [one, other]


def _paired(values: Sequence[Any]) -> Sequence[Any]:
    """The values behind the first that are tried with those of another axis."""
    return values[1:] if len(values) <= _MOST_TRIED else values[-1:]


def _remedy(space: Mapping[str, Axis], error: str) -> str:
    """What to write for a setting that takes whole numbers alone."""
    for key, axis in space.items():
        if (axis.uniform or axis.log_uniform) and f" {key}: Input should be a valid integer" in error:
            ends = [math.ceil(axis.bounds[0]), math.floor(axis.bounds[1])]
            return f". A range draws fractions: write whole numbers as choices, such as {key}: {{choices: {ends}}}"
    return ""


def _path(key: str) -> tuple[str, ...]:
    return tuple(key.split("."))


def _lattice(names: int, steps: int) -> Iterator[Sequence[float]]:
    """All weights of ``names`` that are multiples of 1/steps and sum to 1."""

    def parts(left: int, slots: int) -> Iterator[tuple[int, ...]]:
        if slots == 1:
            yield (left,)
            return
        for first in range(left, -1, -1):
            for rest in parts(left - first, slots - 1):
                yield (first, *rest)

    for counts in parts(steps, names):
        yield [count / steps for count in counts]
