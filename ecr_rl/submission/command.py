"""Turn one of our commands into a job's command: parse it here, and write it again with resolved paths."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecr_rl.config import RunConfig, find_profile, load_config
from ecr_rl.named_parts import own_parts
from ecr_rl.overrides import apply_overrides, parse_override
from ecr_rl.submission.paths import JobPaths, option_paths, path_settings
from ecr_rl.sweep.settings import load_sweep
from envs.errors import ConfigError
from envs.marks import TakesPath
from envs.registry import is_own

SUBMIT, SWEEP = "submit", "sweep"
_COMPLETION = {"--install-completion", "--show-completion"}


def parse_words(command: Any, words: Sequence[str]) -> Any:
    """Parse a command line down to its last subcommand, without running it.

    Args:
        command: the whole command line, as typer's group.
        words: the words after ``ecr-rl``.

    Returns:
        The parser's context of the last subcommand.

    Raises:
        ConfigError: completion is asked for, which the parser itself would install for this machine's shell.
        UsageError: of the parser: a command, option or argument is not known, missing or ill-typed.
        Exit: of the parser: an option such as ``--help`` has answered.
    """
    if _COMPLETION & set(words[:1]):
        raise ConfigError(f"{words[0]} concerns the shell that it is typed into: ecr-rl {words[0]}")
    context = command.make_context("ecr-rl", list(words))
    while hasattr(command, "commands") and not context.params.get("version"):
        left = [*context._protected_args, *context.args]
        if command.invoke_without_command and not left:
            break
        name, command, arguments = command.resolve_command(context, left)
        context = command.make_context(name, list(arguments), parent=context)
    return context


def job_words(root: Any, words: Sequence[str], job_paths: JobPaths) -> list[str]:
    """The words of a job's command, with every path resolved.

    Args:
        root: the whole command line, as typer's group.
        words: the words after ``ecr-rl``.
        job_paths: resolves paths, and collects the paths that the nodes must see.

    Raises:
        UsageError: the command does not parse.
        ConfigError: its config cannot run; a path does not exist; it does not say where its results go.
    """
    context = parse_words(root, words)
    if context.info_name == SUBMIT:
        raise ConfigError("a job cannot submit jobs; write the command that is to run: ecr-rl submit train demo ...")
    given = dict(_given(context))
    if "out" in context.params and given.get("out") is None:
        raise ConfigError(
            f"{context.command_path}: say --out; what a job leaves in its working directory goes with the job"
        )
    load = sweep_config if context.info_name == SWEEP else load_config
    settings = list(_resolved_settings(context.params, given, job_paths, load))
    named = {name: _resolved(name, value, job_paths) for name, value in given.items()}
    job_paths.refuse_missing()
    if settings:
        named["changes"] = [*(named.get("changes") or []), *settings]
    return [*context.command_path.split()[1:], *_written(context.command.params, named)]


def _given(context: Any) -> Iterator[tuple[str, Any]]:
    """The parameters that are given on the command line."""
    for name, value in context.params.items():
        if context.get_parameter_source(name).name == "COMMANDLINE":
            yield name, value


def sweep_config(path: str, overrides: Sequence[str]) -> RunConfig:
    """The settings of the run that a sweep's trials vary."""
    return load_sweep(path).run_config(tuple(overrides), find_profile(path, "sweep"))


def _resolved_settings(
    params: Mapping[str, Any],
    given: Mapping[str, Any],
    job_paths: JobPaths,
    load: Callable[[str, Sequence[str]], RunConfig],
) -> Iterator[str]:
    """``key=value`` of the paths that change: from the command's config, or from ``-s`` alone if it has no config."""
    file, changes = params.get("config"), params.get("changes") or []
    if file is None:  # the job reads its settings from a run folder, which perhaps only the cluster has
        defaults = RunConfig().model_dump(mode="json")
        config = apply_overrides(defaults, [parse_override(text, RunConfig) for text in changes], defaults)
    else:
        settings = load(file, changes)
        for key, part in own_parts(settings):
            job_paths.add_module(part, f"{file}: {key}")
        config = settings.model_dump(mode="json")
    for key, takes, value in path_settings(config):
        if given.get(key.rpartition(".")[2]) is not None:  # an option overrides the setting
            continue
        texts = [value] if isinstance(value, str) else value
        resolved = [job_paths.resolve(text, takes, f"{file or '-s'}: {key}") for text in texts]
        if resolved != texts:
            yield f"{key}={resolved[0] if isinstance(value, str) else json.dumps(resolved)}"


def _resolved(name: str, value: Any, job_paths: JobPaths) -> Any:
    if isinstance(value, list | tuple):
        return [_resolved(name, part, job_paths) for part in value]
    if value == Path("-"):
        raise ConfigError("- is this terminal, and a job has none. Name a file")
    is_file = name == "config" and Path(value).is_file()
    if name in ("seeker", "judge") and is_own(value):
        job_paths.add_module(value, f"--{name}")
    takes = option_paths().get(name)
    if isinstance(value, Path) or is_file or (isinstance(value, str) and takes is not None):
        return job_paths.resolve(str(value), takes or TakesPath(), name)
    return value


def _written(parameters: Sequence[Any], values: Mapping[str, Any]) -> Iterator[str]:
    """The command line's words for parameters with these values; arguments come last."""
    arguments: list[str] = []
    for parameter in parameters:
        if parameter.name not in values:
            continue
        value = values[parameter.name]
        many = [_text(part) for part in (value if isinstance(value, list | tuple) else [value])]
        if not parameter.opts[0].startswith("-"):
            arguments += many
        elif isinstance(value, bool):
            yield parameter.opts[0] if value else parameter.secondary_opts[0]
        else:
            for text in many:
                yield from (parameter.opts[0], text)
    if any(text.startswith("-") for text in arguments):
        yield "--"
    yield from arguments


def _text(value: Any) -> str:
    return str(value.value if isinstance(value, enum.Enum) else value)
