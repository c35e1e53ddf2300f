"""What RLlib is asked for: the GPU profile on 1, 4 and 8 GPUs, and rows that do not divide."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from algorithms.ppo.config import algorithm_config
from algorithms.ppo.env_spec import EnvSpec
from algorithms.settings.resources import ResourceSettings
from ecr_rl.config import load_config
from envs.errors import ConfigError
from tests.algorithms.doubles import tiny_policy_folder
from tests.algorithms.worlds import SmallWorld


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy_folder(tmp_path_factory.mktemp("policy"))


@pytest.mark.parametrize("gpus", [1, 4, 8])
def test_gpu_profile_puts_a_learner_and_a_runner_on_each_gpu(folder: Path, gpus: int) -> None:
    profile = load_config("redial-gpu", [f"resources.gpus={gpus}"])
    config = algorithm_config(
        cast(EnvSpec, SmallWorld()), folder, profile.policy, profile.ppo, profile.resources, Path("dump")
    )
    assert (config.num_learners, config.num_env_runners) == (gpus, gpus)
    learner, runner = cast(float, config.num_gpus_per_learner), cast(float, config.num_gpus_per_env_runner)
    assert learner + runner == pytest.approx(1)
    assert learner > 0.5  # two learners never share a GPU: NCCL refuses that
    assert config.minibatch_size * gpus == profile.ppo.minibatch_conversations
    assert config.train_batch_size_per_learner * gpus == profile.ppo.conversations_per_iteration
    assert config.num_envs_per_env_runner == profile.resources.conversations_per_runner
    assert (config.grad_clip, config.grad_clip_by) == (profile.ppo.gradient_clip, "global_norm")
    assert not config.use_kl_loss  # it would be KL to the last policy
    config.validate()


def test_rows_that_do_not_divide_over_learners_are_refused(folder: Path) -> None:
    profile = load_config("redial-gpu", [])
    with pytest.raises(ConfigError, match="does not divide over 3 learners"):
        algorithm_config(
            cast(EnvSpec, SmallWorld()), folder, profile.policy, profile.ppo, ResourceSettings(learners=3), Path("dump")
        )
