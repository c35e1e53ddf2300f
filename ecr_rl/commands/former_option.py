"""An argument that was an option once: the old spelling works for one version, and says what to write.

A run is the argument ``RUN`` of every command that takes one. ``former_option("--run")`` makes the class of such a
command: ``--run DIR`` becomes its first argument before anything is parsed, so that nothing behind the parser knows.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand


def former_option(option: str) -> type[TyperCommand]:
    """The class of a command whose first argument was ``option`` in the version before."""

    class ArgumentOnceOption(TyperCommand):
        """Takes its first argument as an option, too, which ``--help`` does not show."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            """Parse a command line."""
            value, words = _taken_out(option, args)
            if value is None:
                return super().parse_args(ctx, args)
            _, left, _ = self.make_parser(ctx).parse_args([value, *words])
            if left:
                raise typer.BadParameter("it stands there already, as an argument; name it once", param_hint=option)
            typer.echo(f"ecr-rl: {option} goes with the next version. Write: {ctx.command_path} {value} ...", err=True)
            return super().parse_args(ctx, [value, *words])

    return ArgumentOnceOption


def _taken_out(option: str, args: list[str]) -> tuple[str | None, list[str]]:
    """The option's value, None where it is not given, and the words without it."""
    words = args[: args.index("--")] if "--" in args else args
    for index, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.removeprefix(f"{option}="), [*args[:index], *args[index + 1 :]]
        if word == option:
            if index + 1 == len(words):
                raise typer.BadParameter("a folder is missing behind it", param_hint=option)
            return args[index + 1], [*args[:index], *args[index + 2 :]]
    return None, args
