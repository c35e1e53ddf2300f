"""The Ray instance of a run: the cluster's inside a job, otherwise a new one on this machine."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray

from algorithms.settings.resources import ResourceSettings
from ecr_rl.cluster_address import answering_cluster, cluster_address
from envs.errors import ClusterError
from envs.inputs.text import on_one_line

log = logging.getLogger(__name__)


@contextmanager
def ray_instance(resources: ResourceSettings, trial: Mapping[str, float] | None = None) -> Iterator[None]:
    """Provide Ray during the block; a Ray instance that already runs is used and left running.

    A new instance has as many logical CPUs as the run's workers ask for, so workers may share cores.

    Args:
        resources: the resources that the workers ask for.
        trial: all that each trial of a sweep reserves, such as ``{"CPU": 4.0}``.

    Raises:
        ClusterError: Ray does not start, or its cluster does not answer; this machine does not have the resources for
            a trial.
    """
    trial = trial or {}
    if ray.is_initialized():
        _make_sure_of_room(trial, grows=True)
        yield
        return
    wanted = resources.runner_count * resources.cpus_per_env_runner
    wanted += resources.learner_count * resources.cpus_per_learner + 1
    wanted = max(wanted, math.ceil(trial.get("CPU", 0.0)))
    cluster = answering_cluster()
    _start(cluster, None if cluster else max(os.cpu_count() or 1, wanted))
    try:
        _make_sure_of_room(trial, grows=cluster is not None)
        yield
    finally:
        ray.shutdown()


def _start(cluster: str | None, cpus: int | None) -> None:
    """Connect to a cluster, or start Ray on this machine."""
    try:
        ray.init(
            cluster or "local",
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            num_cpus=cpus,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        said = on_one_line(str(error))
        if "AF_UNIX" in said:
            raise ClusterError(
                f"Ray's sockets need a shorter folder ({said}). Set RAY_TMPDIR to one such as /tmp"
            ) from error
        where = "on this machine" if cluster is None else f"with RAY_ADDRESS={cluster}"
        raise ClusterError(f"Ray does not start {where}: {said}") from error


def other_machines() -> bool:
    """Whether workers may be on other machines, now or after the cluster grows."""
    return cluster_address() is not None or sum(node["Alive"] for node in ray.nodes()) > 1


def _make_sure_of_room(trial: Mapping[str, float], grows: bool) -> None:
    """Refuse a sweep whose trials would wait for ever; if the cluster may grow, log what they wait for."""
    has = ray.cluster_resources()
    # Shares of a GPU are sums of fractions, so rounding must be allowed for.
    lacking = {name: amount for name, amount in trial.items() if round(amount - has.get(name, 0.0), 6) > 0}
    if not lacking:
        return
    short = ", ".join(f"{name} {amount:g} of {has.get(name, 0.0):g}" for name, amount in lacking.items())
    remedy = "lower resources.gpus, env_runners, learners or driver_threads"
    if not grows:
        raise ClusterError(f"each trial reserves more than this machine has ({short}): {remedy}")
    log.warning(
        f"each trial reserves more than the cluster has now ({short}): the sweep waits until it grows. Where it "
        f"cannot, stop it and {remedy}"
    )
