"""Arguments and options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ecr_rl.commands.completion import config_names, folders, setting_keys
from ecr_rl.commands.parts import CARDS
from ecr_rl.config import RunConfig, load_config, profiles, with_given
from envs.marks import SEEDS
from envs.registry import Registry

Config = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help=f"A YAML file, or a packaged profile: {', '.join(profiles())}.",
        autocompletion=config_names,
    ),
]
ConfigOption = Annotated[
    str,
    typer.Option(
        "--config", metavar="CONFIG", help="A YAML file or a profile, for its settings.", autocompletion=config_names
    ),
]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder: what was given to --out.", autocompletion=folders())
]
CriticFolder = Annotated[
    Path,
    typer.Argument(
        metavar="CRITIC",
        help="A critic's folder, or a run folder whose critic is taken.",
        autocompletion=folders(CARDS["critic"]),
    ),
]
RecommenderFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RECOMMENDER",
        help="A recommender's folder, or a run folder whose recommender is taken.",
        autocompletion=folders(CARDS["recommender"]),
    ),
]
ResponderFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RESPONDER",
        help="A responder's folder, or a run folder whose supervised policy is taken.",
        autocompletion=folders(CARDS["responder"]),
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder to make.", show_default="runs/NAME")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run folder that exists, from its last checkpoint.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="Change a setting; text stands as it is, all else is YAML. May be repeated.",
        autocompletion=setting_keys,
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source", help="sample, official, a ReDial zip, an unpacked folder, hf:owner/name, or module:function."
    ),
]
Metadata = Annotated[
    str | None, typer.Option("--metadata", help="A folder with id2info.json: the films' genres, people and plots.")
]
Acts = Annotated[str | None, typer.Option("--acts", help="rules, or IARD's JSON file to learn dialogue acts from.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; logs and progress go to stderr.")]


def settings_of(config: str, changes: Sequence[str] | None, **data: Any) -> RunConfig:
    """A command's settings: the config's, changed by ``-s``, then by options of the data section that are given."""
    return with_given(load_config(config, changes or []), "data", **data)


def part_option(flag: str, registry: Registry[Any], help: str, metavar: str | None = None, **more: Any) -> Any:
    """An option that names a part, or several: it completes the registry's names and refuses one it does not know.

    Args:
        flag: of the option.
        registry: the parts.
        help: what the option is for.
        metavar: the names that are shown; by default all.
        more: further arguments of ``typer.Option``.
    """

    def check(named: str | list[str] | None) -> str | list[str] | None:
        if isinstance(named, list):
            return [registry.check(name) for name in named]
        return None if named is None else registry.check(named)

    names = registry.names
    return typer.Option(
        flag, metavar=metavar or "|".join(names()), callback=check, autocompletion=names, help=help, **more
    )


def seed_option(help: str) -> Any:
    """The option ``--seed``: an integer from 0 to 2**32 - 1."""
    return typer.Option("--seed", min=0, max=SEEDS - 1, help=help)


def finite(number: float | None) -> float | None:
    """The callback of an option that is a number: refuses nan and inf.

    Raises:
        BadParameter: it is one of them.
    """
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter("Input should be a finite number")
    return number


def examples(*commands: str) -> str:
    """An epilog of ``--help`` with one command a line."""
    # The backspace tells the help's formatter to leave the lines alone.
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
