"""The Ray instance that a run works on: the cluster's where a job runs, otherwise one of its own."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import ray

from algorithms.settings import ResourceSettings
from envs.errors import ClusterError

log = logging.getLogger(__name__)


@contextmanager
def ray_instance(resources: ResourceSettings, trial: Mapping[str, float] | None = None) -> Iterator[None]:
    """Ray for as long as the block lasts; a Ray that runs already is used and left running.

    On a machine of its own the run gets as many logical CPUs as its workers ask for: they may share cores.

    Args:
        resources: what the workers ask for.
        trial: what each trial of a sweep reserves in all, such as ``{"CPU": 4.0}``.

    Raises:
        ClusterError: this machine can never hold a trial.
    """
    trial = trial or {}
    if ray.is_initialized():
        _make_sure_of_room(trial, grows=True)
        yield
        return
    wanted = resources.runner_count * resources.cpus_per_env_runner
    wanted += resources.learner_count * resources.cpus_per_learner + 1
    wanted = max(wanted, math.ceil(trial.get("CPU", 0.0)))
    cluster = bool(os.environ.get("RAY_ADDRESS"))
    cpus = None if cluster else max(os.cpu_count() or 1, wanted)
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, num_cpus=cpus)
    try:
        _make_sure_of_room(trial, grows=cluster)
        yield
    finally:
        ray.shutdown()


def other_machines() -> bool:
    """Whether workers may be on other machines: of the cluster as it is, or as it may grow."""
    return bool(os.environ.get("RAY_ADDRESS")) or sum(node["Alive"] for node in ray.nodes()) > 1


def _make_sure_of_room(trial: Mapping[str, float], grows: bool) -> None:
    """Refuse a sweep whose trials would wait for ever; where the cluster may grow, say what they wait for."""
    has = ray.cluster_resources()
    # Shares of a GPU are sums of fractions.
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
