"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecr_rl.config import profiles

Config = Annotated[
    str, typer.Argument(metavar="CONFIG", help=f"A YAML file, or a packaged profile: {', '.join(profiles())}.")
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder: what was given to --out.")]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder to make.", show_default="runs/NAME")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run folder that exists, from its last checkpoint.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "-s", "--set", metavar="SECTION.KEY=VALUE", help="Change a setting; the value is YAML. May be repeated."
    ),
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="sample, official, a ReDial zip, an unpacked folder, or hf:owner/name."),
]
Metadata = Annotated[
    str | None, typer.Option("--metadata", help="A folder with id2info.json: the films' genres, people and plots.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; logs and progress go to stderr.")]


def examples(*commands: str) -> str:
    """An epilog of ``--help`` with one command a line."""
    # The backspace tells the help's formatter to leave the lines alone.
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)
