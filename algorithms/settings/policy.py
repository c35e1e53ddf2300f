"""The settings of the policy: its language model, and how it samples."""

from __future__ import annotations

from algorithms.settings.precision import Precision
from envs.marks import LEAST_TEMPERATURE, MOST_LAYERS, Settings, TakesPath, setting, size_setting


class LoraSettings(Settings):
    """Low-rank adapters (Hu et al., arXiv 2106.09685)."""

    rank: int = size_setting(16, rebuilds={"responder"})
    alpha: int = setting(32, rebuilds={"responder"}, gt=0)


class PolicySettings(Settings):
    """The language model that speaks for the recommender, and how it samples."""

    model: str = setting(
        "tiny",
        rebuilds={"responder"},
        path=TakesPath(frozenset({"tiny", "smollm2"}), hub=True),
        description="tiny (from scratch) | smollm2 (packaged) | a folder | a hub id",
    )
    lora: LoraSettings | None = setting(
        None, rebuilds={"responder"}, description="train adapters instead of all weights"
    )
    four_bit: bool = setting(False, rebuilds={"responder"}, description="hold the base model in nf4 (needs lora)")
    dtype: Precision = setting(
        "auto",
        rebuilds={"policy_replies", "ppo"},
        description="of weights that sample and of PPO's forward passes; auto: bfloat16 on a GPU, float32 on every CPU",
    )
    layers: int = size_setting(4, rebuilds={"responder"}, most=MOST_LAYERS, description="tiny: transformer layers")
    width: int = size_setting(192, rebuilds={"responder"}, description="tiny: hidden width")
    heads: int = size_setting(6, rebuilds={"responder"}, description="tiny: attention heads")
    vocabulary: int = size_setting(3000, rebuilds={"responder"}, above=300, description="tiny: size of its own BPE")
    positions: int = size_setting(
        512, rebuilds={"responder"}, description="longest conversation in tokens; never above the model's own"
    )
    max_new: int = size_setting(28, rebuilds={"responder"}, description="the most tokens of a reply")
    max_observation: int = size_setting(
        96, rebuilds={"responder"}, above=8, description="the most tokens of an observation after the first"
    )
    max_history: int = size_setting(
        192, rebuilds={"responder"}, above=8, description="the most tokens of the first observation, cut from the left"
    )
    temperature: float = setting(
        1.0, rebuilds={"ppo"}, ge=LEAST_TEMPERATURE, description="sampling temperature; nothing else shapes the draw"
    )
