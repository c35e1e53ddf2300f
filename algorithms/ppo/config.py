"""Convert the project's settings to RLlib's AlgorithmConfig."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from algorithms.policy.film_choice import ChoiceSettings
from algorithms.policy.text import load_tokenizer, vocabulary_size
from algorithms.ppo.algorithm import ConversationPPO
from algorithms.ppo.env_runner import ConversationEnvRunner, token_spaces
from algorithms.ppo.env_spec import EnvSpec
from algorithms.ppo.learner import ConversationPPOLearner
from algorithms.ppo.module import ConversationModule
from algorithms.ppo.shipped_files import ShippedFile
from algorithms.settings.policy import PolicySettings
from algorithms.settings.ppo import PPOSettings
from algorithms.settings.resources import LEARNER_SHARE, RUNNER_SHARE, ResourceSettings
from envs.conversation import ENV_ID
from envs.errors import ConfigError
from envs.marks import SEEDS


def algorithm_config(
    env_spec: EnvSpec,
    policy_folder: Path,
    policy: PolicySettings,
    ppo: PPOSettings,
    resources: ResourceSettings,
    dump: Path,
    shipped_files: Sequence[ShippedFile] = (),
    choice: ChoiceSettings | None = None,
) -> PPOConfig:
    """RLlib's configuration of PPO on conversations.

    Args:
        env_spec: the environment that the env runners play.
        policy_folder: the responder, which is PPO's start and its reference.
        policy: how it samples, adapters.
        ppo: the algorithm.
        resources: runners, learners, CPUs and GPUs.
        dump: where a batch with numbers that are not finite is written.
        shipped_files: files that env runners and learners on other machines get before they load them.
        choice: how films are drawn as a part of the policy; None leaves proposals to the recommender.

    Raises:
        ConfigError: the rows cannot be divided evenly among the learners.
    """
    learners = max(1, resources.learner_count)
    for name in ("conversations_per_iteration", "minibatch_conversations"):
        if getattr(ppo, name) % learners:
            raise ConfigError(f"ppo.{name}={getattr(ppo, name)} does not divide over {learners} learners")
    model_config = {
        "folder": str(policy_folder),
        "policy": policy.model_dump(),
        "device": "cuda" if resources.gpus else "cpu",
        "value_into_trunk": ppo.value_into_trunk and policy.lora is None,
        "choice": None if choice is None else asdict(choice),
        "seed": env_spec.seed,
    }
    config = (
        PPOConfig(algo_class=ConversationPPO)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ConversationModule, model_config=model_config))
        .fault_tolerance(restart_failed_env_runners=True)
        # RLlib adds a runner's index, and what it seeds takes 32 bits.
        .debugging(seed=env_spec.seed % (SEEDS // 2), log_level="ERROR")
        .reporting(min_time_s_per_iteration=0, min_sample_timesteps_per_iteration=0, log_gradients=False)
    )
    _play(config, env_spec, vocabulary_size(load_tokenizer(str(policy_folder))), policy, resources, shipped_files)
    _learn(config, ppo, resources, learners, dump, shipped_files)
    return config


def _play(
    config: PPOConfig,
    env_spec: EnvSpec,
    vocabulary: int,
    policy: PolicySettings,
    resources: ResourceSettings,
    shipped_files: Sequence[ShippedFile],
) -> None:
    """Configure the env runners."""
    observation, action = token_spaces(policy, vocabulary)
    config.environment(
        ENV_ID,
        env_config={
            "env_spec": env_spec,
            "threads": resources.cpus_per_env_runner if resources.runner_count else 0,
            "shipped_files": shipped_files,
        },
        observation_space=observation,
        action_space=action,
        disable_env_checking=True,
    )
    config.env_runners(
        env_runner_cls=ConversationEnvRunner,
        num_env_runners=resources.runner_count,
        num_envs_per_env_runner=resources.conversations_per_runner,
        num_cpus_per_env_runner=resources.cpus_per_env_runner,
        num_gpus_per_env_runner=RUNNER_SHARE if resources.gpus else 0,
        create_local_env_runner=resources.runner_count == 0,
        batch_mode="complete_episodes",
        episodes_to_numpy=False,
        sample_timeout_s=3600,
    )


def _learn(
    config: PPOConfig,
    ppo: PPOSettings,
    resources: ResourceSettings,
    learners: int,
    dump: Path,
    shipped_files: Sequence[ShippedFile],
) -> None:
    """Configure the learners; sizes are rows of one learner."""
    config.learners(
        num_learners=resources.learner_count,
        num_cpus_per_learner=resources.cpus_per_learner,
        num_gpus_per_learner=LEARNER_SHARE if resources.gpus else 0,
        add_default_connectors_to_learner_pipeline=False,
    )
    config.training(
        learner_class=ConversationPPOLearner,
        train_batch_size_per_learner=ppo.conversations_per_iteration // learners,
        minibatch_size=ppo.minibatch_conversations // learners,
        num_epochs=ppo.epochs,
        shuffle_batch_per_epoch=False,
        lr=ppo.learning_rate,
        grad_clip=ppo.gradient_clip,
        grad_clip_by="global_norm",
        use_kl_loss=False,
        learner_config_dict={"ppo": ppo.model_dump(), "dump": str(dump), "shipped_files": shipped_files},
    )
