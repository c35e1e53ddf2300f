"""Commands as people write them, parsed by the real parser without running."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from ecr_rl.cli import app
from ecr_rl.config import RunConfig, load_config
from ecr_rl.submission.command import SUBMIT, SWEEP, parse_words, sweep_config
from envs.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
USAGE_ERROR = typer.BadParameter.__mro__[1]
REFUSALS = (USAGE_ERROR, ConfigError)
"""How a command that would not run is refused."""


def parse_command(line: str) -> None:
    """Parse ``ecr-rl ...`` or ``python -m ecr_rl ...`` down to its last subcommand; nothing runs.

    Raises:
        UsageError: an option or argument is not known, missing or ill-typed.
        ConfigError: a profile that is named, or a ``-s`` setting, does not exist.
    """
    words = shlex.split(line, comments=True)
    arguments = words[3:] if words[0].startswith("python") else words[1:]
    try:
        context = parse_words(typer.main.get_command(app), arguments)
    except typer.Exit:  # --help has answered while parsing
        return
    _check_settings(context.params, sweep_config if context.info_name == SWEEP else load_config)
    job = context.params.get("words")
    if context.info_name == SUBMIT and job and not context.params["status"]:
        parse_command(shlex.join(["ecr-rl", *job]))


def _check_settings(parameters: dict[str, Any], load: Callable[[str, Sequence[str]], RunConfig]) -> None:
    """The profile that a command names exists, and so do its ``-s`` keys; a reader's own file counts as demo."""
    config: str = parameters.get("config") or "demo"
    if config.startswith("tune_configs/"):
        config = str(ROOT / config)
    elif config.endswith(".yaml"):
        config = "demo"
    load(config, parameters.get("changes") or [])
