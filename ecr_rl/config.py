"""The settings of a whole run: the floors' own sections, composed, read from YAML and checked together.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from algorithms.settings import (
    CriticSettings,
    PolicySettings,
    PPOSettings,
    RecommenderSettings,
    ResourceSettings,
    SupervisedSettings,
)
from ecr_rl.overrides import Override, apply_overrides, nearest, one_line, parse_override
from ecr_rl.settings import EvaluationSettings, LabelSettings
from envs.errors import ConfigError
from envs.settings import DataSettings, EnvSettings, RewardSettings, Settings

SettingsT = TypeVar("SettingsT", bound=Settings)


class RunConfig(Settings):
    """Everything that decides a run. ``data``, ``critic`` and ``supervised`` have seeds of their own."""

    name: str = Field(
        default="run", min_length=1, pattern=r"^[\w.-]+$", description="names the run folder; default: the file's name"
    )
    seed: int = Field(default=0, ge=0, description="of PPO, the evaluation and the choice of sample conversations")
    cache: Path = Field(
        default=Path("~/.cache/ecr-rl"), description="folder of downloads and of artefacts that runs share"
    )
    mirror: str | None = Field(
        default=None,
        description="address that gets a copy of the run folder as it grows: s3://, gs:// or file://; with --resume a "
        "folder that is missing is fetched from there",
    )
    data: DataSettings = DataSettings()
    env: EnvSettings = EnvSettings()
    reward: RewardSettings = RewardSettings()
    labels: LabelSettings = LabelSettings()
    critic: CriticSettings = CriticSettings()
    recommender: RecommenderSettings = RecommenderSettings()
    policy: PolicySettings = PolicySettings()
    supervised: SupervisedSettings = SupervisedSettings()
    ppo: PPOSettings = PPOSettings()
    resources: ResourceSettings = ResourceSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @property
    def cache_folder(self) -> Path:
        """The cache folder with ``~`` expanded."""
        return self.cache.expanduser()

    @model_validator(mode="after")
    def _fits_together(self) -> RunConfig:
        for problem in _conflicts(self):
            raise ValueError(problem)
        return self


def with_given(settings: SettingsT, section: str, **given: Any) -> SettingsT:
    """The settings with those fields of a section that are given; None leaves a field as it is."""
    fields = {name: value for name, value in given.items() if value is not None}
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=fields)})


def _conflicts(config: RunConfig) -> Iterator[str]:
    """What contradicts what, and the remedy, one message a conflict."""
    ppo, policy, learners = config.ppo, config.policy, max(1, config.resources.learner_count)
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
    settings = _read_yaml(file)
    settings.setdefault("name", file.stem)
    changes = [parse_override(text) for text in overrides]
    return _validated(settings, changes, file)


def changed(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """The settings with some of them changed, checked together again.

    Args:
        config: stays as it is.
        values: new values by ``section.key``.

    Raises:
        ConfigError: an unknown key, a wrong value, or settings that contradict each other.
    """
    changes = [Override(tuple(key.split(".")), value, f"{key}={value}") for key, value in values.items()]
    return _validated(config.model_dump(mode="json"), changes, Path(config.name))


def _validated(settings: Mapping[str, Any], changes: Sequence[Override], file: Path) -> RunConfig:
    merged = apply_overrides(settings, changes, RunConfig().model_dump())
    try:
        return RunConfig.model_validate(merged)
    except ValidationError as error:
        lines = [_explain(detail, file, changes) for detail in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def config_yaml(config: RunConfig) -> str:
    """The resolved settings as YAML, every key written out; ``load_config`` reads them back as the same settings."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


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
    found = (entry for entry in files("tune_configs").iterdir() if entry.name.endswith(".yaml"))
    return sorted(
        Path(entry.name).stem for entry in found if ("\nspace:" in entry.read_text(encoding="utf-8")) == sweeps
    )


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        settings = yaml.load(file.read_text(encoding="utf-8"), Loader=_StrictLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not readable as YAML: {one_line(error)}") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{file}: a config is a mapping of sections, this is a {type(settings).__name__}")
    return {key: {} if value is None and key in _sections() else value for key, value in settings.items()}


class _StrictLoader(yaml.SafeLoader):
    """YAML's safe types, and a key written twice is an error: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if not key.tag.endswith(":merge")]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _sections() -> dict[str, type[Settings]]:
    found = {name: field.annotation for name, field in RunConfig.model_fields.items()}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Settings)}


def _explain(detail: ErrorDetails, file: Path, changes: Iterable[Override]) -> str:
    """One line for one validation error: where it stands, the key, what is wrong, what was meant."""
    path = tuple(str(part) for part in detail["loc"])
    key = ".".join(path)
    where = next((f"-s {change.text}" for change in changes if path and _one_holds_other(change.path, path)), str(file))
    if detail["type"] == "extra_forbidden":
        return f"{where}: unknown key {key}. {_did_you_mean(path)}"
    message = detail["msg"].removeprefix("Value error, ")
    if not path:
        return f"{where}: {message}"
    written = "" if isinstance(detail["input"], dict) else f" (it is {detail['input']!r})"
    return f"{where}: {key}: {message}{written}"


def _one_holds_other(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    return all(left == right for left, right in zip(first, second, strict=False))


def _did_you_mean(path: tuple[str, ...]) -> str:
    siblings = _keys_below(path[:-1])
    near = nearest(path[-1], siblings)
    if near is not None:
        return f"Did you mean {'.'.join((*path[:-1], near))}?"
    elsewhere = [f"{section}.{path[-1]}" for section, kind in _sections().items() if path[-1] in kind.model_fields]
    if elsewhere:
        return f"Did you mean {' or '.join(elsewhere)}?"
    return f"Known keys here: {', '.join(siblings)}"


def _keys_below(path: tuple[str, ...]) -> list[str]:
    """The keys of the section at a path; LoRA's optional section counts as a section."""
    kind: type[Settings] = RunConfig
    for part in path:
        annotation: Any = kind.model_fields[part].annotation
        options = [annotation, *getattr(annotation, "__args__", ())]
        kind = next(option for option in options if isinstance(option, type) and issubclass(option, Settings))
    return list(kind.model_fields)
