"""The command ``ecr-rl``.

Commands import what computes (torch, ray, transformers) only when they run, so that ``--help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import ecr_rl
from ecr_rl.commands import bench, critic, data, label, look, recommend, respond, run, seekers, submit, sweep
from ecr_rl.commands.options import examples
from envs.errors import ConfigError, EcrError

USAGE_ERROR, FAILURE = 2, 1


class ErrorPrintingGroup(TyperGroup):
    """Prints an ``EcrError`` as one message without a traceback: exit code 2 for settings, 1 for the rest."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except EcrError as error:
            typer.echo(f"ecr-rl: {error}", err=True)
            raise typer.Exit(USAGE_ERROR if isinstance(error, ConfigError) else FAILURE) from error


app = typer.Typer(
    name="ecr-rl",
    cls=ErrorPrintingGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples("ecr-rl doctor", "ecr-rl demo --out runs/demo", "ecr-rl status runs/demo --watch"),
)


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Train conversational recommenders that care: ReDial dialogues, a six-head critic, PPO on RLlib, a report.

    Settings come from a YAML config or a packaged profile; -s section.key=value changes one of them. Every command
    that computes takes --json. A run folder holds everything about a run, and status reads it while the run goes on.
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
    epilog=examples(
        "ecr-rl evaluate --run runs/demo",
        "ecr-rl evaluate --run runs/demo --baseline runs/other --json",
        "ecr-rl evaluate --run runs/demo --best-of 4",
    )
)(run.evaluate)
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
app.add_typer(recommend.app, name="recommend")
app.add_typer(respond.app, name="respond")
app.command(
    epilog=examples(
        "ecr-rl seekers demo",
        "ecr-rl seekers --source redial_dataset.zip --recommender recommenders/redial --json",
        "ecr-rl seekers demo --seeker model --dialogues 50 -s env.seeker_model.temperature=1.0",
    )
)(seekers.seekers)
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
app.command(epilog=examples("ecr-rl status runs/demo", "ecr-rl status runs/redial --watch"))(look.status)
app.command(epilog=examples("ecr-rl tensorboard runs/demo", "ecr-rl tensorboard runs/reward_weights --port 6007"))(
    look.tensorboard
)
app.command(epilog=examples("ecr-rl fetch s3://bucket/runs/demo runs/demo"))(look.fetch)
app.command(epilog=examples("ecr-rl doctor", "ecr-rl doctor --json"))(look.doctor)


def main() -> None:
    """Run the command line."""
    app()
