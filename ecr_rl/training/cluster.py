"""The Ray instance that a run works on: the cluster's where a job runs, otherwise one of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from algorithms.settings import ResourceSettings


@contextmanager
def ray_instance(resources: ResourceSettings) -> Iterator[None]:
    """Ray for as long as the block lasts; a Ray that runs already is used and left running.

    On a machine of its own the run gets as many logical CPUs as its workers ask for: they may share cores.

    Args:
        resources: what the workers ask for.
    """
    if ray.is_initialized():
        yield
        return
    wanted = resources.runner_count * resources.cpus_per_env_runner
    wanted += resources.learner_count * resources.cpus_per_learner + 1
    cpus = None if os.environ.get("RAY_ADDRESS") else max(os.cpu_count() or 1, wanted)
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, num_cpus=cpus)
    try:
        yield
    finally:
        ray.shutdown()
