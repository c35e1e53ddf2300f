"""The settings of a sweep: its base run, the search space, sampler, scheduler and final trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from algorithms.settings.ppo import PPOSettings
from ecr_rl.config import RunConfig, find_profile, load_config, overridden
from ecr_rl.overrides import Override, parse_override
from ecr_rl.settings_file import place_of, read_mapping, validated
from ecr_rl.sweep.axes import Axis, check_axes
from envs.errors import ConfigError
from envs.marks import Settings, seed_setting, setting


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

    def run_config(self, overrides: tuple[str, ...] = (), file: Path | None = None) -> RunConfig:
        """The base run's settings with the sweep's changes; the command line's changes come last.

        Args:
            overrides: ``section.key=value`` each, the command line's.
            file: the sweep's own, whose lines messages tell.

        Raises:
            ConfigError: they do not fit together, leave no evaluator to choose by, or compare trials before it scored;
                an axis that no trial can take or differ by.
        """

        def place(section: str, key: str) -> str:
            written = f"{section}.{key}"
            return written if file is None else f"{place_of(file, (section, key))}: {written}"

        changes = [Override(tuple(key.split(".")), value, place("changes", key)) for key, value in self.changes.items()]
        given = [parse_override(text, RunConfig) for text in overrides]
        for problem in _drawn_anyway(self.space, [*changes, *given]):
            raise ConfigError(problem)
        name = Override(("name",), self.name, "name")
        source = str(file or self.name)
        try:
            base = load_config(self.base)
        except ConfigError as error:
            raise ConfigError(f"{source if file is None else place_of(file, ('base',))}: base: {error}") from error
        config = overridden(base, [*changes, name, *given], source)
        for problem in self._problems(config):
            raise ConfigError(f"{source}: {problem}")
        places = {key: place("space", key) for key in self.space}
        check_axes(self.space, self.search.sampler == "grid", config, places, self._problems)
        return config

    def _problems(self, config: RunConfig) -> Iterator[str]:
        """What is wrong with the settings of a trial, for this sweep."""
        if config.ppo.value_warmup >= config.ppo.iterations:
            yield (
                f"ppo.iterations={config.ppo.iterations} ends before the policy learns (ppo.value_warmup="
                f"{config.ppo.value_warmup}), so no trial would differ. Raise ppo.iterations"
            )
        if config.ppo.select_every:
            yield from _too_early(self.scheduler, config.ppo)
        else:
            yield (
                "ppo.select_every=0 leaves the sweep without its objective, the selecting evaluator's score of "
                "held-out dialogues. Set it to the iterations between two scores"
            )


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
    for keys, problem in _conflicts(sweep):
        raise ConfigError(f"{place_of(file, keys)}: {'.'.join(keys)}: {problem}")
    return sweep


def _drawn_anyway(space: Mapping[str, Axis], changes: Sequence[Override]) -> Iterator[str]:
    """The problem of a change of what an axis draws in every trial."""
    for change in changes:
        key = ".".join(change.path)
        for axis in space:
            if f"{key}.".startswith(f"{axis}."):
                yield f"{change.where}: the axis {axis} draws it in every trial, so this changes nothing. Leave it out"


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


def _conflicts(sweep: SweepSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """What contradicts what, by the keys that lead to it."""
    for key, axis in sweep.space.items():
        bare = (axis.uniform or axis.log_uniform or axis.simplex) and not axis.steps
        if sweep.search.sampler == "grid" and bare:
            yield ("space", key), "the grid sampler needs steps, the points of this axis"
        if axis.simplex is not None and not key.endswith("weights"):
            yield ("space", key), "a simplex draws weights by name, as reward.weights wants them"
    keys = list(sweep.changes)
    for index, key in enumerate(keys):
        for later in keys[index + 1 :]:
            if key.startswith(f"{later}."):
                yield ("changes", key), f"{later}, which stands after it, replaces it. Leave one of them out"
    if sweep.scheduler.kind == "pbt" and sweep.search.sampler != "random":
        sampler = sweep.search.sampler
        yield ("scheduler", "kind"), f"pbt changes settings as trials go and draws at random; not with {sampler}"
