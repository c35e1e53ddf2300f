"""Models as users bring them: what this project computes with them is what they compute themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

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
from algorithms.settings import LoraSettings
from envs.errors import ModelError
from tests.algorithms.families import FAMILIES, POSITIONS, VOCABULARY, family, gemma3_multimodal, recurrent

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
    new = fit_vocabulary(model, VOCABULARY - 6, VOCABULARY + 2)
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


def test_adapters_on_experts_are_refused() -> None:
    with pytest.raises(ModelError, match=r"several experts .* Unset policy\.lora"):
        with_adapters(family("mixtral"), LoraSettings(rank=4, alpha=8))


@pytest.mark.parametrize("kind", ["mamba", "rwkv"])
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
