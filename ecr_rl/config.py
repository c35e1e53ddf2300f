"""The settings of a whole run: the floors' own sections, composed, read from YAML and checked together.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator, model_validator

from algorithms.settings.critic import CriticSettings
from algorithms.settings.policy import PolicySettings
from algorithms.settings.ppo import PPOSettings
from algorithms.settings.recommender import RecommenderSettings
from algorithms.settings.resources import ResourceSettings
from algorithms.settings.supervised import SupervisedSettings
from ecr_rl.named_parts import check_names
from ecr_rl.overrides import Override, apply_overrides, nearest, parse_override
from ecr_rl.settings import EvaluationSettings, LabelSettings, PeopleSettings
from ecr_rl.settings_file import SettingsT, given_fields, read_mapping, sections_of, validated
from ecr_rl.yaml_text import write_yaml
from envs.builtin_heads import HEADS, default_weights, heads_of
from envs.errors import ConfigError
from envs.files import user_path
from envs.heads import Head
from envs.marks import NOTHING, Settings, TakesPath, seed_setting, setting
from envs.settings import DataSettings, EnvSettings, RewardSettings


class RunConfig(Settings):
    """Everything that decides a run. ``data``, ``critic`` and ``supervised`` have seeds of their own."""

    name: str = setting(
        "run",
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        min_length=1,
        pattern=r"^[\w.-]+$",
        description="names the run folder; default: the file's name",
    )
    seed: int = seed_setting(
        rebuilds={"policy_replies", "labels", "ppo"},
        description="of PPO, the evaluation and the choice of sample conversations",
    )
    heads: tuple[str, ...] = setting(
        rebuilds={"labels", "reporting_evaluator", "selecting_evaluator", "ppo"},
        default_factory=lambda: tuple(HEADS.names()),
        min_length=1,
        description="what replies are scored on, in this order; an own one as module:attribute",
    )
    cache: Path = setting(
        Path("~/.cache/ecr-rl"),
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        path=TakesPath(made=True),
        description="folder of downloads and of artefacts that runs share",
    )
    mirror: str | None = setting(
        None,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        description="address that gets a copy of the run folder as it grows: s3://, gs:// or file://; with --resume a "
        "folder that is missing is fetched from there",
    )
    data: DataSettings = DataSettings()
    env: EnvSettings = EnvSettings()
    reward: RewardSettings = RewardSettings()
    labels: LabelSettings = setting(LabelSettings(), rebuilds={"labels"})
    people: PeopleSettings = PeopleSettings()
    critic: CriticSettings = CriticSettings()
    recommender: RecommenderSettings = RecommenderSettings()
    policy: PolicySettings = PolicySettings()
    supervised: SupervisedSettings = SupervisedSettings()
    ppo: PPOSettings = PPOSettings()
    resources: ResourceSettings = ResourceSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @property
    def head_definitions(self) -> tuple[Head, ...]:
        """The definitions of ``heads``, in their order."""
        return heads_of(self.heads)

    @property
    def cache_folder(self) -> Path:
        """The cache folder with ``~`` expanded."""
        return user_path(self.cache)

    @model_validator(mode="before")
    @classmethod
    def _weigh_heads(cls, values: Any) -> Any:
        """Where no weights are set, the heads weigh what their definitions say."""
        heads = values.get("heads") if isinstance(values, Mapping) else None
        if not isinstance(heads, list | tuple) or not all(isinstance(name, str) for name in heads):
            return values
        reward = values.get("reward", {})
        given = reward.model_dump(exclude_unset=True) if isinstance(reward, RewardSettings) else reward
        if not isinstance(given, Mapping) or "weights" in given:
            return values
        try:
            weights = default_weights(heads_of(heads))
        except ConfigError:  # the check of ``heads`` says it
            return values
        return {**values, "reward": {**given, "weights": weights}}

    @field_validator("heads")
    @classmethod
    def _are_heads(cls, heads: tuple[str, ...]) -> tuple[str, ...]:
        try:
            names = [head.name for head in heads_of(heads)]
        except ConfigError as error:
            raise ValueError(str(error)) from error
        if "overall" not in names:
            raise ValueError("overall is missing, by which the policy to keep is chosen; name it among the heads")
        return heads

    @model_validator(mode="after")
    def _fits_together(self) -> RunConfig:
        check_names(self)
        for problem in _conflicts(self):
            raise ValueError(problem)
        return self


def with_given(settings: SettingsT, section: str, **given: Any) -> SettingsT:
    """The settings with those fields of a section that are given; None leaves a field as it is.

    Raises:
        ConfigError: a value of the wrong type or out of range; settings that contradict each other.
    """
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        return settings
    options = [Override((section, name), value, f"--{name.replace('_', '-')}") for name, value in fields.items()]
    values = {section: given_fields(getattr(settings, section)) | fields}
    return validated(type(settings), given_fields(settings) | values, section, options)


def _conflicts(config: RunConfig) -> Iterator[str]:
    """What contradicts what, and the remedy, one message a conflict."""
    ppo, policy, learners = config.ppo, config.policy, max(1, config.resources.learner_count)
    heads = [head.name for head in config.head_definitions]
    unknown = sorted(set(config.reward.weights) - set(heads))
    if unknown:
        yield f"reward.weights: unknown reward heads {unknown}; the heads are {', '.join(heads)}"
    if ppo.conversations_per_iteration % ppo.minibatch_conversations:
        yield (
            f"ppo.conversations_per_iteration={ppo.conversations_per_iteration} is not a multiple of "
            f"ppo.minibatch_conversations={ppo.minibatch_conversations}; every gradient step takes a whole minibatch"
        )
    if ppo.minibatch_conversations % learners:
        yield (
            f"ppo.minibatch_conversations={ppo.minibatch_conversations} cannot be shared evenly by "
            f"{learners} learners (resources.gpus or resources.learners); take a multiple of them"
        )
    if ppo.conversations_per_iteration < config.resources.runner_count:
        yield (
            f"ppo.conversations_per_iteration={ppo.conversations_per_iteration} leaves some of "
            f"{config.resources.runner_count} env runners without one (resources.gpus or resources.env_runners)"
        )
    if config.resources.gpus and (config.resources.env_runners or config.resources.learners):
        yield (
            "resources.gpus places a learner and an env runner on each GPU; leave resources.env_runners and "
            "resources.learners at 0 with it"
        )
    if policy.four_bit and policy.lora is None:
        yield "policy.four_bit needs policy.lora: 4-bit weights cannot be trained, adapters on them can"
    if policy.lora is not None and ppo.value_into_trunk:
        yield "ppo.value_into_trunk must be false with policy.lora: value gradients drown the few adapter weights"
    if policy.model == "tiny" and policy.width % policy.heads:
        yield f"policy.width={policy.width} is not a multiple of policy.heads={policy.heads}"
    needed = policy.max_history + policy.max_new + policy.max_observation
    if needed > policy.positions:
        yield (
            f"policy.positions={policy.positions} holds no turn: max_history + max_new + max_observation is {needed}; "
            "raise positions or lower the three"
        )


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's settings.

    Args:
        path: a YAML file, or the name of a packaged profile such as ``demo``.
        overrides: ``section.key=value`` each, applied in order.

    Raises:
        ConfigError: no such file or profile, not YAML, an unknown key, a value of the wrong type or out of range,
            settings that contradict each other. The message names the file and the key.
    """
    file = find_profile(path)
    # A section that is named and left empty is one of defaults.
    settings = {
        key: {} if value is None and key in sections_of(RunConfig) else value
        for key, value in read_mapping(file).items()
    }
    settings.setdefault("name", file.stem)
    return _changed(settings, [parse_override(text, RunConfig) for text in overrides], file)


def changed(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """The settings with some of them changed, checked together again.

    Args:
        config: stays as it is.
        values: new values by ``section.key``.

    Raises:
        ConfigError: an unknown key, a wrong value, or settings that contradict each other.
    """
    changes = [Override(tuple(key.split(".")), value, f"{key}={value}") for key, value in values.items()]
    return overridden(config, changes, config.name)


def overridden(config: RunConfig, changes: Sequence[Override], source: str) -> RunConfig:
    """The settings with changes, checked together again.

    Args:
        config: stays as it is.
        changes: applied in order, the last wins.
        source: what brings the changes, for messages about settings that contradict each other.

    Raises:
        ConfigError: an unknown key, a wrong value, or settings that contradict each other.
    """
    return _changed(config.model_dump(mode="json", exclude_unset=True), changes, source)


def _changed(settings: Mapping[str, Any], changes: Sequence[Override], source: Path | str) -> RunConfig:
    """The settings with changes; what these leave out of a section is filled from the defaults of the run's heads."""
    heads = [change.value for change in changes if change.path == ("heads",)] or [settings.get("heads")]
    defaults = RunConfig() if heads[-1] is None else validated(RunConfig, {"heads": heads[-1]}, source, changes)
    return validated(RunConfig, apply_overrides(settings, changes, defaults.model_dump()), source, changes)


def config_yaml(config: RunConfig) -> str:
    """The resolved settings as YAML, every key written out; ``load_config`` reads them back as the same settings."""
    return write_yaml(config.model_dump(mode="json"))


def profiles() -> list[str]:
    """Names of the packaged run profiles."""
    return _packaged(sweeps=False)


def sweeps() -> list[str]:
    """Names of the packaged sweeps: their files have a ``space``."""
    return _packaged(sweeps=True)


def find_profile(path: str | Path, kind: Literal["profile", "sweep"] = "profile") -> Path:
    """The file of a config: the path itself, or a packaged profile or sweep of that name.

    Raises:
        ConfigError: neither exists; the nearest one is named.
    """
    file = Path(path)
    if file.is_file():
        return file
    names = profiles() if kind == "profile" else sweeps()
    if str(path) in names:
        return Path(str(files("tune_configs") / f"{path}.yaml"))
    near = nearest(file.stem, names)
    hint = f"Did you mean the {kind} {near}?" if near else f"The packaged {kind}s are {', '.join(names)}"
    raise ConfigError(f"{path}: no such config file. {hint}")


def _packaged(sweeps: bool) -> list[str]:
    entries = (entry for entry in files("tune_configs").iterdir() if entry.name.endswith(".yaml"))
    return sorted(
        Path(entry.name).stem for entry in entries if ("\nspace:" in entry.read_text(encoding="utf-8")) == sweeps
    )
