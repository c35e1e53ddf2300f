"""A client of Ray's job server: submit, follow, stop and show jobs; a refusal becomes one clear message."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ecr_rl.cluster_address import PATIENCE
from envs.errors import ClusterError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

ADDRESS = "http://127.0.0.1:8265"
ADDRESS_VARIABLES = ["RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"]
"""Environment variables that name the job server, in the order in which Ray reads them."""
FAILED, STOPPED = 1, 143
"""Exit codes for jobs that report none; 143 is the shell's code for a process that SIGTERM ended."""
TALKATIVE = (
    "ray._private.runtime_env.packaging",
    "ray._private.runtime_env.working_dir",
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
)
"""Ray's loggers that report every file and socket."""
POLL = 0.5
"""Seconds between two queries of a job's state."""


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job.

    Attributes:
        id: its submission id.
        status: Ray's: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED.
        command: its command line.
        started: seconds since 1970, None before it starts.
        ended: seconds since 1970, None before it ends.
        exit_code: 0 if it succeeded, its own if it failed, None before it ends.
        message: Ray's message about its status.
    """

    id: str
    status: str
    command: str
    started: float | None
    ended: float | None
    exit_code: int | None
    message: str

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.exit_code is not None


class JobServer:
    """The job server of one cluster."""

    def __init__(self, address: str) -> None:
        """Connect.

        Args:
            address: of the dashboard or the cluster, from ``job_server_address``.

        Raises:
            ClusterError: there is no job server, or it refuses the token.
        """
        from ray.job_submission import JobSubmissionClient

        for name in TALKATIVE:  # their modules set their own level when they are imported
            logging.getLogger(name).setLevel(logging.ERROR)
        self.address = address
        with self._told(), _without(ADDRESS_VARIABLES):  # Ray would prefer them to the given address
            self._greet()
            self._client: JobSubmissionClient = JobSubmissionClient(address)

    def _greet(self) -> None:
        """See that a server answers at all, since Ray's client waits for one without end."""
        import requests

        if "://" in self.address:
            requests.get(f"{self.address}/api/version", timeout=PATIENCE)

    def submit(self, entrypoint: str, runtime_env: dict[str, Any], gpus: float = 0) -> str:
        """Upload the working directory, start a job and return its id.

        Args:
            entrypoint: the job's command line.
            runtime_env: the result of ``Package.runtime_env``.
            gpus: GPUs for the command's own process; with 0 it runs on the head node.

        Raises:
            ClusterError: the server refuses.
        """
        with self._told():
            return self._client.submit_job(
                entrypoint=entrypoint, runtime_env=runtime_env, entrypoint_num_gpus=gpus or None
            )

    def state(self, job: str) -> JobState:
        """The state of a job.

        Raises:
            ClusterError: there is no such job.
        """
        with self._told():
            return _state_of(self._client.get_job_info(job))

    def jobs(self) -> list[JobState]:
        """All submitted jobs of the cluster, the latest first."""
        with self._told():
            jobs = [_state_of(job) for job in self._client.list_jobs() if job.submission_id]
        return sorted(jobs, key=lambda job: job.started or 0.0, reverse=True)

    def stop(self, job: str) -> bool:
        """Ask a job to end; return False if it had ended before.

        Raises:
            ClusterError: there is no such job.
        """
        with self._told():
            return self._client.stop_job(job)

    def follow(self, job: str, write: Callable[[str], None]) -> JobState:
        """Write a job's output as it comes, until the job ends.

        A broken connection is restored, and nothing is written twice.

        Raises:
            ClusterError: the server cannot be reached any more.
        """
        written = 0
        while True:
            with self._told():
                written = asyncio.run(self._tail(job, write, written))
            state = self.state(job)
            if state.over:
                return state
            time.sleep(POLL)

    async def _tail(self, job: str, write: Callable[[str], None], skip: int) -> int:
        """Write a job's output after its first ``skip`` characters; return the number of characters so far."""
        seen = 0
        try:
            async for text in self._client.tail_job_logs(job):
                if seen + len(text) > skip:
                    write(text[max(0, skip - seen) :])
                seen += len(text)
        except RuntimeError:  # Ray raises it for a socket that closed too early; the caller connects again
            pass
        return max(seen, skip)

    @contextmanager
    def _told(self) -> Iterator[None]:
        from aiohttp import ClientError
        from ray.exceptions import AuthenticationError, RpcError
        from requests.exceptions import RequestException

        try:
            yield
        except AuthenticationError as error:
            raise ClusterError(_token_advice(self.address, str(error))) from None  # the cause contains request headers
        except (ConnectionError, RequestException, ClientError, RpcError) as error:
            raise ClusterError(
                f"no job server answers at {self.address}. Start one with ray start --head, open a tunnel to the "
                "head node, or name another with --address"
            ) from error
        except (RuntimeError, ValueError) as error:  # Ray's client raises these for all other refusals
            raise ClusterError(f"{self.address} refused: {' '.join(str(error).split())}") from error


def is_loopback(address: str) -> bool:
    """Whether an address is a loopback address, which only this machine can reach."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return address == "auto"


def warnings_about(address: str) -> Iterator[str]:
    """Warnings to show a user before code and token are sent to an address."""
    if is_loopback(address):
        return
    yield (
        f"{address} is not this machine: Ray's job server runs any code that anybody sends to it. Keep it on loopback "
        "and reach it by a tunnel (cluster/README.md), or have it demand a token (RAY_AUTH_MODE=token)"
    )
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "token" and not address.startswith("https://"):
        yield f"the token goes to {address} unencrypted"


def _token_advice(address: str, error: str) -> str:
    where = "RAY_AUTH_TOKEN, the file that RAY_AUTH_TOKEN_PATH names, or ~/.ray/auth_token"
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        return f"{address} demands a token (401). Set RAY_AUTH_MODE=token; Ray reads the token from {where}"
    refused = "does not accept the token (403)" if "Authentication failed" in error else "got no token (401)"
    return f"{address} {refused}. It must be the one that the cluster was started with, in {where}"


def _state_of(job: Any) -> JobState:
    status = str(job.status.value)
    code = {"SUCCEEDED": 0, "STOPPED": STOPPED, "FAILED": _exit_code(job.driver_exit_code)}.get(status)
    times = [None if moment is None else moment / 1000 for moment in (job.start_time, job.end_time)]
    return JobState(job.submission_id, status, job.entrypoint, times[0], times[1], code, job.message or "")


def _exit_code(code: int | None) -> int:
    """A failed job's exit code in the shell's convention; a negative code stands for a signal."""
    return FAILED if not code else 128 - code if code < 0 else code


@contextmanager
def _without(variables: list[str]) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
