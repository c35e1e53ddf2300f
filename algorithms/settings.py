"""The settings that this floor owns: critic, recommender, policy, supervised training, PPO and resources.

Importing this needs neither torch nor ray.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from envs.settings import Settings


class CriticSettings(Settings):
    """The six-head critic: an encoder, a pooled pair of context and reply, six regressions in [0, 1]."""

    encoder: str = Field("tiny", description="tiny (from scratch) | minilm (packaged) | a folder | a hub id")
    trained_layers: int = Field(2, ge=0, description="top encoder layers that are trained; all of them for tiny")
    max_tokens: int = Field(96, gt=8, description="tokens of context and reply together; the context is cut from the left")
    steps: int = Field(400, gt=0)
    batch_size: int = Field(64, gt=0)
    learning_rate: float = Field(5e-4, gt=0)
    evaluate_every: int = Field(50, gt=0, description="steps between validations; the best is kept")
    examples: int = Field(8000, gt=0, description="labelled (context, reply) pairs to train on, at most")
    seed: int = 0


class RecommenderSettings(Settings):
    """The film recommender behind the proposals: counts of films with films and of words with films."""

    word_weight: float = Field(0.5, ge=0, description="weight of the seeker's words beside the films named")
    smoothing: float = Field(5.0, gt=0, description="pseudo-count that pulls rare pairs towards popularity")


class LoraSettings(Settings):
    """Low-rank adapters (Hu et al., arXiv 2106.09685)."""

    rank: int = Field(16, gt=0)
    alpha: int = Field(32, gt=0)


class PolicySettings(Settings):
    """The language model that speaks for the recommender, and how it samples."""

    model: str = Field("tiny", description="tiny (from scratch) | smollm2 (packaged) | a folder | a hub id")
    lora: LoraSettings | None = Field(None, description="train adapters instead of all weights")
    four_bit: bool = Field(False, description="hold the base model in nf4 (needs lora)")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="weights of the env runners")
    layers: int = Field(4, gt=0, description="tiny: transformer layers")
    width: int = Field(192, gt=0, description="tiny: hidden width")
    heads: int = Field(6, gt=0, description="tiny: attention heads")
    vocabulary: int = Field(3000, gt=300, description="tiny: size of its own BPE")
    positions: int = Field(512, gt=0, description="longest conversation in tokens; never above the model's own")
    max_new: int = Field(28, gt=0, description="tokens of a reply at most")
    max_observation: int = Field(96, gt=8, description="tokens of an observation at most, after the first")
    max_history: int = Field(192, gt=8, description="tokens of the first observation at most, cut from the left")
    temperature: float = Field(1.0, gt=0, description="sampling temperature; nothing else shapes the distribution")


class SupervisedSettings(Settings):
    """Supervised training of the policy on recommender turns."""

    steps: int = Field(600, gt=0)
    batch_size: int = Field(32, gt=0)
    learning_rate: float = Field(1e-3, gt=0)
    warmup: int = Field(40, ge=0)
    evaluate_every: int = Field(100, gt=0, description="steps between validations; the best checkpoint is kept")
    validation_rows: int = Field(128, gt=0)
    seed: int = 0


class PPOSettings(Settings):
    """PPO on conversations (Schulman et al., arXiv 1707.06347), one row a conversation."""

    iterations: int = Field(40, ge=0)
    conversations_per_iteration: int = Field(64, gt=0)
    epochs: int = Field(2, gt=0)
    minibatch_conversations: int = Field(32, gt=0, description="rows of a gradient step over all learners")
    learning_rate: float = Field(1e-4, gt=0)
    clip: float = Field(0.2, gt=0)
    value_learning_rate: float = Field(1e-3, gt=0)
    value_clip: float = Field(0.5, gt=0)
    value_coefficient: float = Field(0.5, ge=0)
    value_into_trunk: bool = Field(True, description="let value gradients reach the language model; off with lora")
    value_warmup: int = Field(2, ge=0, description="iterations that train the value head alone")
    entropy: float = Field(0.0, ge=0)
    gradient_clip: float = Field(1.0, gt=0)
    kl: float = Field(0.05, ge=0, description="first weight of the KL to the reference policy, a token")
    kl_target: float | None = Field(None, description="adapt the weight to this KL a token (Ziegler et al., 1909.08593)")
    token_discount: float = Field(1.0, gt=0, le=1)
    turn_discount: float = Field(0.99, gt=0, le=1)
    token_lambda: float = Field(1.0, ge=0, le=1)
    turn_lambda: float = Field(0.95, ge=0, le=1)
    micro_batch: int = Field(32, gt=0, description="rows of a no-grad pass")
    checkpoint_every: int = Field(5, gt=0)


LEARNER_SHARE, RUNNER_SHARE = 0.6, 0.4
"""How a learner and an env runner share one GPU: two learners never fit on the same one, as NCCL demands."""


class ResourceSettings(Settings):
    """Who computes: env runners, learners, and their CPUs and GPUs."""

    gpus: int = Field(0, ge=0, description="spread over so many GPUs, a learner and an env runner on each")
    env_runners: int = Field(0, ge=0, description="remote env runners without GPUs; 0 samples in the driver")
    conversations_per_runner: int = Field(32, gt=0, description="conversations that a runner holds at once")
    learners: int = Field(0, ge=0, description="remote learners without GPUs; 0 learns in the driver")
    cpus_per_env_runner: int = Field(1, gt=0, description="also its torch threads")
    cpus_per_learner: int = Field(1, gt=0, description="also its torch threads")
    driver_threads: int = Field(2, gt=0, description="torch threads of the driver, and of a learner in it")

    @property
    def runner_count(self) -> int:
        """Remote env runners: one a GPU, or as set."""
        return self.gpus or self.env_runners

    @property
    def learner_count(self) -> int:
        """Remote learners: one a GPU, or as set."""
        return self.gpus or self.learners
