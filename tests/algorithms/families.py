"""Tiny random models of many architectures, as users bring them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

VOCABULARY, POSITIONS = 40, 96
_WIDTH: dict[str, Any] = {"vocab_size": VOCABULARY, "hidden_size": 32, "pad_token_id": 0, "bos_token_id": 1}
_BLOCKS: dict[str, Any] = _WIDTH | {"num_hidden_layers": 2, "num_attention_heads": 2, "eos_token_id": 1}
_LLAMA: dict[str, Any] = _BLOCKS | {
    "num_key_value_heads": 1,
    "intermediate_size": 48,
    "max_position_embeddings": POSITIONS,
}
_GEMMA: dict[str, Any] = _LLAMA | {"head_dim": 16, "sliding_window": 8}
_EXPERTS: dict[str, Any] = {"num_local_experts": 2, "num_experts_per_tok": 1}
_GPT: dict[str, Any] = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS}
_OPT: dict[str, Any] = _BLOCKS | {"ffn_dim": 48, "max_position_embeddings": POSITIONS}
_NEOX: dict[str, Any] = _BLOCKS | {"intermediate_size": 48, "max_position_embeddings": POSITIONS}

FAMILIES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", _GPT),
    "gptj": ("gptj", _GPT | {"rotary_dim": 8}),
    "gpt_bigcode": ("gpt_bigcode", _GPT),
    "gpt_neo": (
        "gpt_neo",
        _WIDTH
        | {
            "num_layers": 2,
            "num_heads": 2,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 8,
            "max_position_embeddings": POSITIONS,
        },
    ),
    "gpt_neox": ("gpt_neox", _NEOX),
    "opt": ("opt", _OPT | {"word_embed_proj_dim": 32}),
    "opt_projected": ("opt", _OPT | {"word_embed_proj_dim": 16, "do_layer_norm_before": False}),
    "bloom": ("bloom", _WIDTH | {"n_layer": 2, "n_head": 2}),
    "falcon": ("falcon", _BLOCKS | {"alibi": False, "max_position_embeddings": POSITIONS}),
    "falcon_alibi": ("falcon", _BLOCKS | {"alibi": True, "new_decoder_architecture": False}),
    "mpt": ("mpt", {"vocab_size": VOCABULARY, "d_model": 32, "n_heads": 2, "n_layers": 2, "max_seq_len": POSITIONS}),
    "llama": ("llama", _LLAMA),
    "llama_tied": ("llama", _LLAMA | {"tie_word_embeddings": True}),
    "mistral": ("mistral", _LLAMA | {"sliding_window": 8}),
    "mixtral": ("mixtral", _LLAMA | _EXPERTS | {"sliding_window": 8}),
    "qwen2": ("qwen2", _LLAMA),
    "qwen2_window": (
        "qwen2",
        _LLAMA | {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    ),
    "qwen3": ("qwen3", _LLAMA | {"head_dim": 16}),
    "phi": ("phi", _LLAMA),
    "phi3": ("phi3", _LLAMA | {"sliding_window": 8}),
    "stablelm": ("stablelm", _LLAMA),
    "starcoder2": ("starcoder2", _LLAMA | {"sliding_window": 8}),
    "olmo2": ("olmo2", _LLAMA),
    "granite": (
        "granite",
        _LLAMA | {"logits_scaling": 8.0, "embedding_multiplier": 3.0, "residual_multiplier": 0.5},
    ),
    "cohere": ("cohere", _LLAMA | {"logit_scale": 0.0625}),
    "cohere2": ("cohere2", _LLAMA | {"logit_scale": 0.25, "sliding_window": 8}),
    "gemma": ("gemma", _LLAMA | {"head_dim": 16}),
    "gemma2": ("gemma2", _GEMMA | {"final_logit_softcapping": 1.0}),
    "gemma3_text": ("gemma3_text", _GEMMA | {"final_logit_softcapping": 2.0}),
    "nemotron": ("nemotron", _LLAMA),
}
"""By name: the model type, and its config's fields. Those with a window look back over 8 tokens in some layer."""


def gemma3_multimodal() -> PreTrainedModel:
    """A Gemma 3 that also sees: its text model's config lies inside its own."""
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = AutoConfig.for_model(
        "gemma3", text_config=_GEMMA, vision_config=vision, mm_tokens_per_image=4, image_token_index=VOCABULARY - 1
    )
    return _random(config)


def recurrent(kind: str) -> PreTrainedModel:
    """A ``mamba`` or ``rwkv``, with a state in place of attention, or an ``xlm``, which attends to lengths alone."""
    fields: dict[str, Mapping[str, Any]] = {
        "mamba": _WIDTH | {"num_hidden_layers": 2, "state_size": 4},
        "rwkv": _WIDTH | {"num_hidden_layers": 2, "attention_hidden_size": 32, "context_length": POSITIONS},
        "xlm": {"vocab_size": VOCABULARY, "emb_dim": 32, "n_layers": 2, "n_heads": 2, "pad_index": 0},
    }
    return _random(AutoConfig.for_model(kind, **fields[kind]))


def expert_router(kind: str) -> PreTrainedModel:
    """A ``phimoe`` or ``llama4_text``, whose routers give more than one tensor."""
    return _random(AutoConfig.for_model(kind, **_LLAMA, **_EXPERTS, head_dim=16, intermediate_size_mlp=48))


def family(name: str) -> PreTrainedModel:
    """A model of ``FAMILIES`` with far from uniform distributions, in eval mode."""
    kind, fields = FAMILIES[name]
    return _random(AutoConfig.for_model(kind, **fields))


def _random(config: Any) -> PreTrainedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.normal_(0.0, 0.2)
    return model.eval()
