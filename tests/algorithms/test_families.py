"""Models as users bring them: what this project computes with them is what they compute themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, PreTrainedModel

from algorithms.model_shapes import UNBOUNDED, config_positions
from algorithms.policy.decoding import ConversationDecoder, SampledReply, require_exact_decoding
from algorithms.policy.language_model import (
    fit_vocabulary,
    hidden_width,
    max_positions,
    merged,
    token_logits,
    with_adapters,
)
from algorithms.settings.policy import LoraSettings
from envs.errors import ModelError
from tests.algorithms.families import (
    FAMILIES,
    POSITIONS,
    VOCABULARY,
    expert_router,
    family,
    gemma3_multimodal,
    recurrent,
)

END = 3
OBSERVED = ((12, 5), (3, 14), (9, 9))
"""Tokens of each turn's observation, for two conversations: longer than the families' windows of eight tokens."""


def model_of(name: str) -> PreTrainedModel:
    return gemma3_multimodal() if name == "gemma3" else family(name)


def conversations(model: PreTrainedModel) -> list[list[tuple[np.ndarray, SampledReply]]]:
    rng, decoder = np.random.default_rng(0), ConversationDecoder(model, 2)
    said: list[list[tuple[np.ndarray, SampledReply]]] = [[], []]
    for lengths in OBSERVED:
        seen = [rng.integers(4, VOCABULARY - 1, length) for length in lengths]
        replies = decoder.sample(decoder.extend(seen), rng.random((2, 6)), end=END)
        for row in (0, 1):
            said[row].append((seen[row], replies[row]))
    return said


@pytest.mark.parametrize("name", [*FAMILIES, "gemma3"])
def test_logits_are_the_models_own_in_training_and_sampling(name: str) -> None:
    """Scaled, capped or windowed: both equal ``model(input_ids).logits`` over whole conversations."""
    model = model_of(name)
    ids_BT = torch.arange(40).reshape(2, 20) * 7 % (VOCABULARY - 1)
    wanted_BT = (torch.arange(40).reshape(2, 20) % 3 == 1) & (torch.arange(20) > 0)
    with torch.inference_mode():
        hidden_BT, logits = token_logits(model, ids_BT, wanted_BT)
        own = model(input_ids=ids_BT, use_cache=False).logits[:, :-1][wanted_BT[:, 1:]]
    torch.testing.assert_close(logits, own, atol=1e-5, rtol=1e-5)
    assert hidden_BT.shape == (2, 20, hidden_width(model))
    for turns in conversations(model):
        ids = torch.from_numpy(np.concatenate([np.concatenate([seen, said.tokens]) for seen, said in turns]))
        replied = np.concatenate([np.repeat([False, True], [len(seen), len(said.tokens)]) for seen, said in turns])
        with torch.inference_mode():
            logp = torch.log_softmax(model(input_ids=ids[None], use_cache=False).logits[0, :-1], -1)
        expected = logp.gather(1, ids[1:, None])[replied[1:], 0].numpy()
        np.testing.assert_allclose(np.concatenate([said.logp for _, said in turns]), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "positions"),
    [("gpt2", POSITIONS), ("mpt", POSITIONS), ("gemma3", POSITIONS), ("gpt_neo", POSITIONS), ("bloom", UNBOUNDED)],
)
def test_positions_are_found_whatever_the_config_calls_them(name: str, positions: int) -> None:
    assert max_positions(model_of(name)) == positions


def test_recurrent_model_has_no_limit_of_positions() -> None:
    assert config_positions(recurrent("mamba").config) == UNBOUNDED


ADAPTED = ["gpt2", "opt_projected", "bloom", "phi", "granite", "cohere", "gemma3_text", "gemma3"]


@pytest.mark.parametrize("name", ADAPTED)
def test_adapters_and_new_rows_merge_into_what_they_were(name: str) -> None:
    model = model_of(name)
    new = fit_vocabulary(model, VOCABULARY - 6, VOCABULARY + 2, [])
    assert new == list(range(VOCABULARY - 6, VOCABULARY + 2))
    adapted = with_adapters(model, LoraSettings(rank=4, alpha=8), new).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
        ids = torch.arange(2, VOCABULARY + 2)[None]
        before = adapted(input_ids=ids).logits
        after = merged(adapted)(input_ids=ids).logits
    assert before.shape[-1] == VOCABULARY + 2
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["gpt2", "llama", "llama_tied", "phi"])
def test_new_tokens_in_a_hole_of_the_ids_are_drawn_anew_and_trained(name: str) -> None:
    model = family(name)
    table: Any = model.get_input_embeddings()
    old = table.weight.detach().clone()
    new = fit_vocabulary(model, VOCABULARY, VOCABULARY + 1, [20, 22, VOCABULARY])
    assert new == [20, 22, VOCABULARY]
    others = [index for index in range(VOCABULARY) if index not in new]
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        rows: Any = layer.weight  # pyright: ignore[reportOptionalMemberAccess]
        torch.testing.assert_close(rows[[20, 22]], rows[others].mean(0).expand(2, -1), atol=1e-3, rtol=0)
    rows = model.get_input_embeddings().weight  # pyright: ignore
    torch.testing.assert_close(rows[others], old[others], atol=0, rtol=0)  # pyright: ignore


def test_factors_of_longrope_bound_the_positions() -> None:
    """Phi-3-128k's kind: beyond the original positions a plain forward has other factors than the cache."""
    rope = {"rope_type": "longrope", "short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
    limit = {"max_position_embeddings": POSITIONS, "original_max_position_embeddings": 24}
    sizes = {"hidden_size": 32, "num_attention_heads": 2, "pad_token_id": 0}
    assert config_positions(AutoConfig.for_model("phi3", rope_scaling=rope, **limit, **sizes)) == 24
    for kept in ({"rope_type": "yarn", "factor": 4.0}, None):
        scaled = kept and kept | {"original_max_position_embeddings": 24}
        config = AutoConfig.for_model("llama", rope_parameters=scaled, max_position_embeddings=POSITIONS)
        assert config_positions(config) == POSITIONS


@pytest.mark.parametrize("name", ["mixtral", "phimoe", "llama4_text"])
def test_adapters_on_experts_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"several experts .* Unset policy\.lora"):
        with_adapters(expert_router(name) if name != "mixtral" else family(name), LoraSettings(rank=4, alpha=8))


@pytest.mark.parametrize("kind", ["mamba", "rwkv", "xlm"])
def test_model_with_a_recurrent_state_is_refused(kind: str) -> None:
    """Turns of unequal length lie side by side with padding between them, which such a model would read."""
    with pytest.raises(ModelError, match="Choose a decoder with attention in every layer") as caught:
        require_exact_decoding(recurrent(kind), kind)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["granite", "bloom", "mistral", "gemma3"])
def test_models_that_decode_exactly_are_accepted_in_any_dtype(name: str, dtype: torch.dtype) -> None:
    model: Any = model_of(name)
    require_exact_decoding(model.to(dtype), name)


def test_value_head_of_a_projected_model_takes_what_the_model_gives() -> None:
    assert (hidden_width(family("opt")), hidden_width(family("opt_projected"))) == (32, 16)
