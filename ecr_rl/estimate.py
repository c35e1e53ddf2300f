"""Estimate the needs of a run before it begins: parameter counts, and the memory of each worker.

Shapes come from models on torch's meta device, which allocates no memory; nothing is downloaded. The memory is an upper
estimate, since it assumes that every conversation has its greatest length.

    learner     4 B a weight; 12 B more a trained weight (gradient, Adam's two moments); 4 B a weight of a reference
                model (none with adapters); ACTIVATIONS floats a token, layer and unit of width in a gradient step;
                3 floats of logits an action token and word of the vocabulary
    env runner  its copy of the weights, keys and values of the conversations it holds, the critic and a local model
                behind the seeker in float32
    recommender 4 B a weight of both stages, for RECOMMENDER_ROWS features and films. An env runner holds those of both
                halves of train (with ``ppo.film_candidates`` one), and the driver the one that plays validation
    each        PROCESS_BYTES for Python, torch, transformers and ray
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    BertModel,
    GPT2Config,
    LlamaConfig,
    PretrainedConfig,
)
from transformers.pytorch_utils import Conv1D

from algorithms.critic.encoder import TINY as TINY_ENCODER
from algorithms.critic.encoder import TINY_LAYERS, TINY_VOCABULARY, TINY_WIDTH
from algorithms.model_files import ModelFiles
from algorithms.model_shapes import layer_config, require_positions
from algorithms.packaged_models import MINILM, SMOLLM2
from algorithms.policy.language_model import TINY, build_tiny, hidden_width, policy_dtype
from algorithms.settings.policy import PolicySettings
from ecr_rl.config import RunConfig
from envs.errors import ModelError

PROCESS_BYTES = 600 * 2**20
"""A process that has imported ray's RLlib, torch and transformers (579 MiB seen)."""
RECOMMENDER_ROWS = 116_000
"""Features and films of a recommender: 109,001 and 6,924 on ReDial's train and validation dialogues with metadata."""
ACTIVATIONS = 30
"""Floats kept for the backward pass, a token, layer and unit of width: a transformer block with a 4x MLP."""

_DIALOGPT_SMALL = "microsoft/DialoGPT-small"
_LLAMA2_7B = ("meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-7b-chat-hf")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameter counts: the policy's, those PPO trains, the value head's, the reference model's, the critic's."""

    policy: int
    trained: int
    value_head: int
    reference: int
    critic: int


@dataclass(frozen=True, slots=True)
class Worker:
    """Workers of one kind, and the memory of each in bytes; ``device`` holds their tensors."""

    kind: str
    count: int
    device: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Parameter counts and workers of a run."""

    parameters: Parameters
    workers: tuple[Worker, ...]

    def as_json(self) -> dict[str, Any]:
        """The estimate as JSON values."""
        return {"parameters": asdict(self.parameters), "workers": [asdict(worker) for worker in self.workers]}


def estimate(config: RunConfig) -> Estimate:
    """Estimate a run.

    Raises:
        ModelError: policy, encoder, seeker or the PMI's language model is a hub model whose config is not on this
            machine, or cannot be used.
        ConfigError: the policy's model has fewer positions than ``policy.positions``.
    """
    with torch.device("meta"):
        policy = _policy_shape(config)
        critic = _critic_size(config)
        seeker = _seeker_size(config)
        information = _information_size(config)
    weights = _size(policy)
    lora = config.policy.lora
    trained = weights if lora is None else _adapter_size(policy, lora.rank)
    width = hidden_width(policy)
    parameters = Parameters(weights, trained, width + 1, weights if lora is None else 0, critic)
    learner = _learner_bytes(config, parameters, layer_config(policy.config))
    runner = _runner_bytes(config, parameters, layer_config(policy.config)) + 4 * seeker
    resources, gpu = config.resources, "gpu" if config.resources.gpus else "cpu"
    driver = PROCESS_BYTES + (0 if resources.learner_count else learner) + (0 if resources.runner_count else runner)
    driver += _recommender_bytes(config) + 4 * information if config.ppo.select_every else 0
    workers = [Worker("driver", 1, "cpu", driver)]
    if resources.learner_count:
        workers.append(Worker("learner", resources.learner_count, gpu, PROCESS_BYTES + learner))
    if resources.runner_count:
        workers.append(Worker("env_runner", resources.runner_count, gpu, PROCESS_BYTES + runner))
    return Estimate(parameters, tuple(workers))


def check_policy(settings: PolicySettings) -> None:
    """Check what the policy's model can take, by its config and before anything is trained for it.

    A model whose config is not on this machine is not checked; it is when it is loaded.

    Raises:
        ConfigError: the model has fewer positions than ``policy.positions``.
    """
    if settings.model == TINY:
        return
    try:
        shape = _model_config(settings.model, "policy.model")
    except ModelError:
        return
    require_positions(settings, shape)


def memory_warning(config: RunConfig, free: int) -> str:
    """A warning if the workers, all on this machine, may need more memory than is free; empty if they do not.

    Args:
        config: the run's settings.
        free: bytes of memory.
    """
    needed = sum(worker.count * worker.bytes for worker in estimate(config).workers if worker.device == "cpu")
    if needed <= free:
        return ""
    return (
        f"PPO may need {needed / 2**30:.1f} GiB here, and {free / 2**30:.1f} are free. Out of memory a machine stands "
        "still: lower ppo.minibatch_conversations (the backward pass) or resources.conversations_per_runner, or end "
        "what else runs"
    )


def _policy_shape(config: RunConfig) -> Any:
    settings = config.policy
    if settings.model == TINY:
        return build_tiny(settings, settings.vocabulary, 0, 1, seed=0)
    shape = _model_config(settings.model, "policy.model")
    require_positions(settings, shape)
    if not hasattr(layer_config(shape), "num_attention_heads"):
        raise ModelError(f"policy.model={settings.model} has no attention. Choose a Llama, a Qwen 2 or a GPT-2")
    return _of_shape(AutoModelForCausalLM, settings.model, shape)


def _seeker_size(config: RunConfig) -> int:
    """Parameters of the model that speaks for the seeker in each env runner; 0 without one."""
    speaker = config.env.seeker_model
    if config.env.seeker != "model" or speaker.endpoint is not None:
        return 0
    shape = _model_config(speaker.model, "env.seeker_model.model")
    return _size(_of_shape(AutoModelForCausalLM, speaker.model, shape))


def _information_size(config: RunConfig) -> int:
    """Parameters of the model by whose PMI policies are chosen; 0 without one."""
    model = config.ppo.select_language_model
    if config.ppo.select_pmi is None:
        return 0
    return _size(_of_shape(AutoModelForCausalLM, model, _model_config(model, "ppo.select_language_model")))


def _model_config(model: str, key: str) -> PretrainedConfig:
    """The model's config without a download: known shapes, a local folder, or the hub's cache."""
    if model == SMOLLM2:
        return LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            max_position_embeddings=8192,
            tie_word_embeddings=True,
        )
    if model == _DIALOGPT_SMALL:
        return GPT2Config()  # GPT-2 small's shape is transformers' default
    if model in _LLAMA2_7B:
        return LlamaConfig(max_position_embeddings=4096)  # the rest of Llama 2 7B's shape is transformers' default
    return _known_config(model, key)


def _known_config(model: str, key: str) -> PretrainedConfig:
    remedy = "Download the model once, or name a local folder"
    with ModelFiles(model, f"{key}={model}: its shape is not known on this machine", remedy):
        return AutoConfig.from_pretrained(model, local_files_only=True, trust_remote_code=False)


def _of_shape(auto: Any, model: str, shape: PretrainedConfig) -> Any:
    with ModelFiles(model, f"no model can be made of the config of {model}", "Choose another"):
        return auto.from_config(shape, trust_remote_code=False)


def _critic_size(config: RunConfig) -> int:
    encoder = config.critic.encoder
    if encoder == TINY_ENCODER:
        shape: PretrainedConfig = BertConfig(
            vocab_size=TINY_VOCABULARY,
            hidden_size=TINY_WIDTH,
            num_hidden_layers=TINY_LAYERS,
            num_attention_heads=4,
            intermediate_size=2 * TINY_WIDTH,
            max_position_embeddings=config.critic.max_tokens,
        )
    elif encoder == MINILM:
        shape = BertConfig(
            hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=30522
        )
    else:
        return _size(_of_shape(AutoModel, encoder, _known_config(encoder, "critic.encoder")))
    return _size(BertModel(shape))


def _learner_bytes(config: RunConfig, parameters: Parameters, shape: PretrainedConfig) -> int:
    turns, tokens = _longest(config)
    rows = config.ppo.minibatch_conversations // max(1, config.resources.learner_count)
    base = parameters.policy // 2 if config.policy.four_bit else 4 * parameters.policy
    added = 4 * (parameters.trained if config.policy.lora else 0)
    kept = rows * tokens * shape.num_hidden_layers * shape.hidden_size * ACTIVATIONS * 4
    logits = rows * turns * config.policy.max_new * shape.vocab_size * 3 * 4
    return base + added + 12 * parameters.trained + 4 * parameters.reference + kept + logits


def _runner_bytes(config: RunConfig, parameters: Parameters, shape: PretrainedConfig) -> int:
    _, tokens = _longest(config)
    width = policy_dtype(config.policy, "cuda" if config.resources.gpus else "cpu").itemsize
    kv_heads = getattr(shape, "num_key_value_heads", None) or shape.num_attention_heads
    per_token = 2 * shape.num_hidden_layers * kv_heads * (shape.hidden_size // shape.num_attention_heads) * width
    return (
        width * parameters.policy
        + config.resources.conversations_per_runner * tokens * per_token
        + 4 * parameters.critic
        + (1 if config.ppo.film_candidates else 2) * _recommender_bytes(config)
    )


def _recommender_bytes(config: RunConfig) -> int:
    """One recommender's; it lies in the memory of the CPU."""
    return 4 * 2 * RECOMMENDER_ROWS * config.recommender.members * config.recommender.width


def _longest(config: RunConfig) -> tuple[int, int]:
    """The most turns, and the most tokens, of a conversation."""
    turns = config.env.horizon if config.env.seeker == "replay" else config.env.max_turns
    policy = config.policy
    tokens = policy.max_history + turns * (policy.max_new + policy.max_observation)
    return turns, min(tokens, policy.positions)


def _adapter_size(model: nn.Module, rank: int) -> int:
    """Weights of adapters on every linear layer but the output embedding."""
    head = model.get_output_embeddings()  # pyright: ignore[reportCallIssue]
    shapes = [
        tuple(module.weight.shape)
        for module in model.modules()
        if isinstance(module, nn.Linear | Conv1D) and module is not head
    ]
    return sum(rank * (rows + columns) for rows, columns in shapes)


def _size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
