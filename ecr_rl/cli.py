"""The command ``ecr-rl``.

Commands import what computes (torch, ray, transformers) only when they run, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import ecr_rl
from ecr_rl.commands import (
    bench,
    critic,
    data,
    judge,
    label,
    monitoring,
    people,
    recommend,
    respond,
    run,
    seekers,
    submit,
    sweep,
)
from ecr_rl.commands.former_option import former_option
from ecr_rl.commands.options import examples
from ecr_rl.commands.output import replace_unencodable
from envs.errors import ConfigError, EcrError
from envs.inputs.text import printable, quoted

USAGE_ERROR, FAILURE = 2, 1
UNUSABLE_PATH = {errno.ENAMETOOLONG, errno.EACCES, errno.ENOTDIR, errno.EROFS}
"""Errors of the system that a path from a user causes."""

SECTIONS = {
    "A run": ("demo", "train", "status", "tensorboard", "evaluate", "judge", "report", "results"),
    "Its parts, in the order of the stages": ("data", "recommend", "respond", "label", "people", "critic", "seekers"),
    "Many runs, and clusters": ("sweep", "submit", "fetch"),
    "This machine": ("doctor", "bench"),
}
"""The commands as ``--help`` lists them."""
SUMMARY_WIDTH = 62
"""Characters of a command's summary at most, so that it stands on one line of a terminal of 80."""


class EcrGroup(TyperGroup):
    """The whole command line: lists commands by what they are for, and prints an ``EcrError`` as one message.

    The exit code is 2 for wrong settings, 1 for the rest; there is no traceback.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order of ``SECTIONS``."""
        return [name for names in SECTIONS.values() for name in names]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands of each section."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(SUMMARY_WIDTH)) for name in names])

    def main(self, *args: Any, **options: Any) -> Any:
        """Read the command line and run it."""
        replace_unencodable()
        return super().main(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except EcrError as error:
            typer.echo(f"ecr-rl: {printable(str(error))}", err=True)
            raise typer.Exit(USAGE_ERROR if isinstance(error, ConfigError) else FAILURE) from error
        except OSError as error:
            if error.errno not in UNUSABLE_PATH or error.filename is None:
                raise
            name = quoted(os.fsdecode(error.filename))
            typer.echo(f"ecr-rl: {name}: {error.strerror}. Give another path", err=True)
            raise typer.Exit(USAGE_ERROR) from error


app = typer.Typer(
    name="ecr-rl",
    cls=EcrGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples("ecr-rl doctor", "ecr-rl demo --out runs/demo", "ecr-rl status runs/demo --watch"),
)


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Train conversational recommenders that care: ReDial dialogues, a critic of several heads, PPO on RLlib, a report.

    A run has one folder (RUN) for everything about it. train makes it, and the other commands of a run read it,
    also while the run goes on. Settings come from a YAML config or a packaged profile (CONFIG), and -s
    section.key=value changes one. Commands that compute take --json. --install-completion makes Tab complete commands,
    profiles, run folders and keys of settings.
    """
    if version:
        typer.echo(f"ecr-rl {ecr_rl.__version__}")
        raise typer.Exit


app.command(
    epilog=examples(
        "ecr-rl demo --out runs/demo",
        "ecr-rl demo --out runs/demo-7 --seed 7 --json",
        "ecr-rl demo --out runs/short -s ppo.iterations=4 -s evaluation.dialogues=50",
    )
)(run.demo)
app.command(
    epilog=examples(
        "ecr-rl train tune_configs/redial-cpu.yaml -s data.source=redial_dataset.zip",
        "ecr-rl train redial-cpu --out runs/redial --resume",
        "ecr-rl train redial-gpu -s resources.gpus=4 --dry-run",
    )
)(run.train)
app.command(
    cls=former_option("--run"),
    epilog=examples(
        "ecr-rl evaluate runs/demo",
        "ecr-rl evaluate runs/demo --baseline runs/other --json",
        "ecr-rl evaluate runs/demo --best-of 4",
        "ecr-rl evaluate runs/demo -s evaluation.dialogues=400",
    ),
)(run.evaluate)
app.command(
    epilog=examples(
        "ecr-rl judge runs/demo --model qwen-1.5b",
        "ecr-rl judge runs/redial --model qwen-1.5b --people ratings/ --turns 300 --no-axes",
        "ecr-rl judge runs/redial --model my-model --endpoint http://127.0.0.1:8000/v1 --price-in 0.15 --price-out 0.6",
        "ecr-rl judge runs/redial --against supervised-best-of-4 --model qwen-1.5b --dialogues 50 --json",
    )
)(judge.judge)
app.command(
    epilog=examples(
        "ecr-rl results runs/seed-0 runs/seed-1 runs/seed-2 --into docs/results.md --name redial",
        "ecr-rl results runs/seed-0 --against supervised-best-of-4 --json",
    )
)(run.results)
app.command(epilog=examples("ecr-rl report runs/demo", "ecr-rl report runs/demo --json"))(run.report)
app.add_typer(bench.app, name="bench")
app.add_typer(critic.app, name="critic")
app.add_typer(data.app, name="data")
app.add_typer(label.app, name="label")
app.add_typer(people.app, name="people")
app.add_typer(recommend.app, name="recommend")
app.add_typer(respond.app, name="respond")
app.add_typer(seekers.app, name="seekers")
app.command(
    epilog=examples(
        "ecr-rl sweep tune_configs/reward_weights.yaml --out runs/weights",
        "ecr-rl sweep asha --trials 24 --out runs/asha --resume",
        "ecr-rl sweep smoke --out runs/smoke --json",
    )
)(sweep.sweep)
app.command(
    context_settings={"allow_interspersed_args": False},
    epilog=examples(
        "ecr-rl submit train demo --out /tmp/demo",
        "ecr-rl submit --shared /shared train redial-gpu --out /shared/runs/redial -s cache=/shared/cache",
        "ecr-rl submit --no-wait --address http://127.0.0.1:8266 train demo --out /tmp/demo",
        "ecr-rl submit --status",
        "ecr-rl submit --stop raysubmit_4LamXRuQpYdSMg7J",
    ),
)(submit.submit)
app.command(epilog=examples("ecr-rl status runs/demo", "ecr-rl status runs/redial --watch"))(monitoring.status)
app.command(epilog=examples("ecr-rl tensorboard runs/demo", "ecr-rl tensorboard runs/reward_weights --port 6007"))(
    monitoring.tensorboard
)
app.command(epilog=examples("ecr-rl fetch s3://bucket/runs/demo runs/demo"))(monitoring.fetch)
app.command(epilog=examples("ecr-rl doctor", "ecr-rl doctor --json"))(monitoring.doctor)


def main() -> None:
    """Run the command line."""
    app()
