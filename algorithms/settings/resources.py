"""The settings of resources: env runners, learners, and their CPUs and GPUs."""

from __future__ import annotations

from envs.marks import NOTHING, Settings, setting, size_setting

LEARNER_SHARE, RUNNER_SHARE = 0.6, 0.4
"""The shares of one GPU for a learner and an env runner. Two learners never fit on one GPU, which NCCL would refuse."""


class ResourceSettings(Settings):
    """Resources: env runners, learners, and their CPUs and GPUs."""

    gpus: int = setting(
        0,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        ge=0,
        description="spread over so many GPUs, a learner and an env runner on each",
    )
    env_runners: int = setting(
        0,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        ge=0,
        description="remote env runners without GPUs; 0 samples in the driver",
    )
    conversations_per_runner: int = size_setting(
        32, rebuilds=NOTHING, resume={"run", "sweep"}, description="conversations that a runner holds at once"
    )
    learners: int = setting(
        0,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        ge=0,
        description="remote learners without GPUs; 0 learns in the driver",
    )
    cpus_per_env_runner: int = setting(
        1, rebuilds=NOTHING, resume={"run", "sweep"}, gt=0, description="also its torch threads"
    )
    cpus_per_learner: int = setting(
        1, rebuilds=NOTHING, resume={"run", "sweep"}, gt=0, description="also its torch threads"
    )
    driver_threads: int = setting(
        2,
        rebuilds=NOTHING,
        resume={"run", "sweep"},
        gt=0,
        description="torch threads of the driver, and of a learner in it",
    )

    @property
    def runner_count(self) -> int:
        """Remote env runners: one a GPU, or as set."""
        return self.gpus or self.env_runners

    @property
    def learner_count(self) -> int:
        """Remote learners: one a GPU, or as set."""
        return self.gpus or self.learners
