"""Commands as people write them, parsed by the real parser without running."""

from __future__ import annotations

import shlex
from typing import Any

import typer

from ecr_rl.cli import app


def parse_command(line: str) -> None:
    """Parse ``ecr-rl ...`` or ``python -m ecr_rl ...`` down to its last subcommand; nothing runs.

    Raises:
        Exception: the parser's usage error, when an option or argument is not known, missing or ill-typed.
        ConfigError: a profile that is named, or a ``-s`` setting, does not exist.
    """
    words = shlex.split(line, comments=True)
    arguments = words[3:] if words[0].startswith("python") else words[1:]
    command: Any = typer.main.get_command(app)
    parent: Any = None
    while True:
        context = command.make_context(command.name, list(arguments), parent=parent)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "commands") or not rest:
            assert not hasattr(command, "commands") or context.params.get("version"), f"{line}: no subcommand"
            break
        name, command, arguments = command.resolve_command(context, rest)
        parent = context
    _check_settings(line, context.params)


def _check_settings(line: str, parameters: dict[str, Any]) -> None:
    """The config and the settings that a command names exist."""
    from ecr_rl.config import load_config

    config = parameters.get("config") or "demo"
    own = config.startswith("my") or ("/" in config and not config.startswith("tune_configs/"))
    if not own:
        load_config(config, parameters.get("changes") or [])
