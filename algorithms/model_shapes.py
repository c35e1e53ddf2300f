"""What a model's config says of its shape, whatever the family calls it."""

from __future__ import annotations

from transformers import PretrainedConfig

from algorithms.settings.policy import PolicySettings
from envs.errors import ConfigError

UNBOUNDED = 2**31 - 1
"""The positions of a model that takes sequences of any length."""
_POSITIONS = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len", "max_sequence_length", "n_ctx")
"""What configs call the longest sequence."""


def layer_config(config: PretrainedConfig) -> PretrainedConfig:
    """The config of a model's text layers; a model that sees keeps it inside its own."""
    return config.get_text_config(decoder=True)


def config_positions(config: PretrainedConfig) -> int:
    """Longest sequence, in tokens, that a model of this config has positions for.

    ``UNBOUNDED`` if its config names none: ALiBi (Bloom) and recurrent models know no limit.
    """
    text = layer_config(config)
    named = [*(getattr(text, name, None) for name in _POSITIONS), *_change_of_scale(text)]
    return min((limit for limit in named if isinstance(limit, int) and limit > 0), default=UNBOUNDED)


def _change_of_scale(text: PretrainedConfig) -> list[object]:
    """After how many tokens LongRoPE takes other factors (arXiv 2402.13753), for some or all layers.

    A longer sequence changes the keys of every token, and those in a cache would be of the old factors.
    """
    rotary = getattr(text, "rope_parameters", None) or {}
    parts = [rotary, *(part for part in rotary.values() if isinstance(part, dict))]
    return [part.get("original_max_position_embeddings") for part in parts if part.get("rope_type") == "longrope"]


def require_positions(policy: PolicySettings, config: PretrainedConfig) -> None:
    """Refuse conversations that are longer than the policy's model can read.

    Args:
        policy: the settings.
        config: of the model that they name.

    Raises:
        ConfigError: ``policy.positions`` is above the model's own positions.
    """
    limit = config_positions(config)
    if policy.positions <= limit:
        return
    needed = policy.max_history + policy.max_new + policy.max_observation
    lower = "" if needed <= limit else f", and lower max_history + max_new + max_observation, {needed} now, to that too"
    raise ConfigError(
        f"policy.positions={policy.positions} is above the {limit} positions of policy.model={policy.model}. "
        f"Set policy.positions to {limit} at most{lower}"
    )
