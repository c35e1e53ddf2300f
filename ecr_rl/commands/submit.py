"""``submit``: a command of ours as a job on a Ray cluster."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ecr_rl.cluster_address import job_server_address
from ecr_rl.commands.options import Json, finite
from ecr_rl.commands.output import show, working
from ecr_rl.submission.command import job_words
from ecr_rl.submission.package import MIB, Package, package_of
from ecr_rl.submission.paths import JobPaths
from ecr_rl.submission.server import ADDRESS, ADDRESS_VARIABLES, JobServer, JobState, warnings_about

INTERRUPTED = 130


def submit(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND...]", help="What the job runs: train, evaluate, ... with its options."),
    ] = None,
    address: Annotated[
        str,
        typer.Option(
            "--address",
            envvar=ADDRESS_VARIABLES,
            callback=job_server_address,
            help="The cluster's job server, http://HOST:PORT.",
        ),
    ] = ADDRESS,
    folder: Annotated[
        Path, typer.Option("--working-dir", help="The folder that is packed and that the job runs in.")
    ] = Path("."),
    excludes: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="PATTERN", help="Leave out more, as .gitignore writes it. May be repeated."),
    ] = None,
    shared: Annotated[
        list[Path] | None,
        typer.Option("--shared", metavar="DIR", help="Paths below it are the cluster's: not looked for here."),
    ] = None,
    driver_gpus: Annotated[
        float,
        typer.Option(
            "--driver-gpus", min=0, callback=finite, help="GPUs of the job's driver, which trains critic and responder."
        ),
    ] = 0,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and stop.")] = False,
    stop: Annotated[str | None, typer.Option("--stop", metavar="ID", help="End a job.")] = None,
    status: Annotated[bool, typer.Option("--status", help="Say where all jobs stand, or the one named last.")] = False,
    json: Json = False,
) -> None:
    """Run a command as a job on a Ray cluster.

    Packs the working directory without data, runs and .venv, resolves the paths of the command and its config, streams
    the job's output and ends with its exit code. Options of submit stand before the command, the command's own after
    it. A token is Ray's own affair: RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or Ray's token file.
    """
    words = words or []
    if stop is not None or status:
        _look(address, stop, words, json)
        return
    if not words:
        raise typer.BadParameter("say what the job runs, for example train demo --out /shared/runs/demo")
    with working():
        package, command = _prepared(context.find_root().command, words, folder, excludes or [], shared or [])
        for warning in warnings_about(address):
            _say(f"warning: {warning}")
        server = JobServer(address)
        _say(f"{package.folder}: {len(package.files)} files, {package.bytes / MIB:.1f} MiB go to {address}")
        job = server.submit(command, package.runtime_env(), driver_gpus)
        _say(f"{job}: {command}")
    if no_wait:
        show({"id": job, "address": address}, json, None if json else job)
        return
    _follow(server, job, json)


def _follow(server: JobServer, job: str, json: bool) -> None:
    """Stream a job's output and end as it ends."""
    try:
        state = server.follow(job, lambda text: print(text, end="", file=sys.stderr if json else None, flush=True))
    except KeyboardInterrupt:
        _say(f"the job goes on. End it with: ecr-rl submit --address {server.address} --stop {job}")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        show(asdict(state), json)
    if state.exit_code:
        _say(f"ecr-rl: {job} {state.status.lower()}, exit code {state.exit_code}")
        raise typer.Exit(state.exit_code)
    _say(f"{job} succeeded")


def _prepared(
    root: Any, words: list[str], folder: Path, excludes: list[str], shared: list[Path]
) -> tuple[Package, str]:
    """What is packed, and the job's command line; says what the nodes need beside the package."""
    package = package_of(folder, excludes)
    job_paths = JobPaths(package, [path.absolute() for path in shared])
    command = shlex.join(["python", "-m", "ecr_rl", *job_words(root, words, job_paths)])
    if not package.holds(package.folder / "ecr_rl" / "__main__.py"):
        _say(f"note: {package.folder} does not hold ecr_rl; the nodes must have it installed")
    if job_paths.outside:
        _say("note: not packed, the nodes must see: " + ", ".join(map(str, job_paths.outside)))
    return package, command


def _look(address: str, stop: str | None, words: list[str], json: bool) -> None:
    if len(words) > (stop is None):
        raise typer.BadParameter("--stop and --status take one job's id, and other options stand before it")
    with working():
        server = JobServer(address)
        ended = stop is not None and server.stop(stop)
        states = [server.state(stop or words[0])] if stop or words else server.jobs()
    if stop is not None:
        text = f"{stop} was asked to end" if ended else f"{stop} had ended: {states[0].status}"
        show({"id": stop, "stopped": ended}, json, text)
    elif words:
        show(asdict(states[0]), json, _table(states))
    else:
        show({"jobs": [asdict(state) for state in states]}, json, _table(states))


def _table(states: list[JobState]) -> Table:
    table = Table("job", "status", "exit", "started", "command", box=None, pad_edge=False)
    for state in states:
        started = "" if state.started is None else datetime.fromtimestamp(state.started).strftime("%Y-%m-%d %H:%M:%S")
        code = "" if state.exit_code is None else str(state.exit_code)
        table.add_row(state.id, state.status, code, started, state.command)
    return table


def _say(text: str) -> None:
    typer.echo(text, err=True)
