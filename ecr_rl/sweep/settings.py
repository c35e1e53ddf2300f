"""The settings of a sweep: its base run, the search space, sampler, scheduler and final trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from algorithms.settings import PPOSettings
from ecr_rl.config import RunConfig, changed, find_profile, load_config
from ecr_rl.overrides import parse_override
from ecr_rl.settings_file import read_mapping, validated
from envs.errors import ConfigError
from envs.marks import Settings, seed_setting, setting


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
        return self


class SearchSettings(Settings):
    """The sampler of trials, and their number."""

    sampler: Literal["random", "grid", "optuna"] = setting(
        "random",
        rebuilds={"sweep"},
        description="random | grid: every combination | optuna: TPE (Bergstra et al., NeurIPS 2011)",
    )
    trials: int = setting(
        12, rebuilds={"sweep"}, gt=0, description="number of trials; a grid ignores it and runs all combinations"
    )
    seed: int = seed_setting(rebuilds={"sweep"}, description="seed of the draws")
    at_once: int = setting(
        0, rebuilds={"sweep"}, ge=0, description="the most trials at the same time; 0: as many as the cluster holds"
    )
    failures: int = setting(
        2, rebuilds={"sweep"}, ge=0, description="how often a failed trial resumes from its last checkpoint"
    )


class SchedulerSettings(Settings):
    """The scheduler, which ends trials early or changes them while they run."""

    kind: Literal["none", "asha", "pbt"] = setting(
        "none",
        rebuilds={"sweep"},
        description="none | asha: the weaker ones end early (Li et al., 1810.05934) | pbt: the weaker ones take over a "
        "stronger one's policy and a variation of its settings (Jaderberg et al., 1711.09846)",
    )
    grace: int = setting(5, rebuilds={"sweep"}, gt=0, description="asha: iterations that every trial gets")
    reduction: int = setting(
        3, rebuilds={"sweep"}, gt=1, description="asha: one of this many trials continues at each rung"
    )
    interval: int = setting(
        5, rebuilds={"sweep"}, gt=0, description="pbt: iterations between two comparisons of a trial"
    )


class FinalSettings(Settings):
    """The final trainings: the winner and equal weights under further seeds, compared on the test dialogues."""

    seeds: int = setting(5, rebuilds={"sweep"}, ge=0, description="training seeds; 0 leaves the comparison out")


class SweepSettings(Settings):
    """A whole sweep."""

    name: str = setting(
        "sweep", rebuilds={"sweep"}, min_length=1, pattern=r"^[\w.-]+$", description="default: the file's name"
    )
    base: str = setting(rebuilds={"sweep"}, description="the run that trials vary: a packaged profile or a YAML file")
    changes: dict[str, Any] = setting(
        rebuilds={"sweep"}, default_factory=dict, description="settings of it, section.key: value"
    )
    space: dict[str, Axis] = setting(rebuilds={"sweep"}, min_length=1, description="section.key: what is drawn for it")
    search: SearchSettings = SearchSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    final: FinalSettings = FinalSettings()

    def run_config(self, overrides: tuple[str, ...] = ()) -> RunConfig:
        """The base run's settings with the sweep's changes; the command line's changes come last.

        Raises:
            ConfigError: they do not fit together, leave no evaluator to choose by, compare trials before it scored, or
                draw weights of heads that the run does not score.
        """
        given = {".".join(each.path): each.value for each in (parse_override(text, RunConfig) for text in overrides)}
        config = changed(load_config(self.base), {**self.changes, "name": self.name, **given})
        if not config.ppo.select_every:
            raise ConfigError(
                "ppo.select_every=0 leaves the sweep without its objective, the selecting evaluator's score of "
                "held-out dialogues. Set it to the iterations between two scores"
            )
        heads = [head.name for head in config.head_definitions]
        for problem in (*_too_early(self.scheduler, config.ppo), *_unknown_heads(self.space, heads)):
            raise ConfigError(problem)
        return config


def load_sweep(path: str | Path) -> SweepSettings:
    """Read a sweep's settings.

    Args:
        path: a YAML file, or the name of a packaged sweep such as ``reward_weights``.

    Raises:
        ConfigError: no such file, not YAML, or not a sweep; the message names file and key.
    """
    file = find_profile(path, "sweep")
    values = read_mapping(file)
    if "space" not in values:
        raise ConfigError(f"{file}: a sweep has base and space; this looks like a run's config. Use ecr-rl train")
    sweep = validated(SweepSettings, {"name": file.stem, **values}, file)
    for problem in _conflicts(sweep):
        raise ConfigError(f"{file}: {problem}")
    return sweep


def _unknown_heads(space: Mapping[str, Axis], heads: Sequence[str]) -> Iterator[str]:
    axis = space.get("reward.weights")
    for name in (axis and axis.simplex) or ():
        if name not in heads:
            yield f"space.reward.weights: no head {name!r}; the run scores {', '.join(heads)}"


def _too_early(scheduler: SchedulerSettings, ppo: PPOSettings) -> Iterator[str]:
    """The problem of a scheduler that compares trials too early, when all still have the supervised policy's score."""
    field = {"asha": "grace", "pbt": "interval"}.get(scheduler.kind)
    # By Selection.due, policies are scored after the value warm-up, and after the last iteration.
    first = min(ppo.iterations, (ppo.value_warmup // ppo.select_every + 1) * ppo.select_every)
    if field is not None and getattr(scheduler, field) < first:
        yield (
            f"scheduler.{field}={getattr(scheduler, field)} compares trials before a policy of theirs is scored, after "
            f"iteration {first} (ppo.select_every={ppo.select_every}, ppo.value_warmup={ppo.value_warmup}, "
            f"ppo.iterations={ppo.iterations}). Raise scheduler.{field} to {first}, or score earlier"
        )


def _conflicts(sweep: SweepSettings) -> Iterator[str]:
    for key, axis in sweep.space.items():
        bare = (axis.uniform or axis.log_uniform or axis.simplex) and not axis.steps
        if sweep.search.sampler == "grid" and bare:
            yield f"space.{key}: the grid sampler needs steps, the points of this axis"
        if axis.simplex is not None and not key.endswith("weights"):
            yield f"space.{key}: a simplex draws weights by name, as reward.weights wants them"
    if sweep.scheduler.kind == "pbt" and sweep.search.sampler != "random":
        yield f"scheduler.kind=pbt changes settings as trials go and draws at random; not with {sweep.search.sampler}"
