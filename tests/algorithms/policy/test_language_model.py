"""Language models as PPO needs them: without dropout, adapters that merge exactly and keep their gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from algorithms.policy.language_model import AdapterMerger, keep_adapter_gradients, load_causal_lm, with_adapters
from algorithms.settings.policy import LoraSettings
from envs.errors import ModelError
from tests.algorithms.doubles import random_gpt2, random_llama

LORA = LoraSettings(rank=4, alpha=12)
IDS = torch.arange(24).reshape(2, 12)
MODELS = {"gpt2": random_gpt2, "llama": random_llama}


def changed_adapters(model: PreTrainedModel, seed: int = 1) -> PeftModel:
    """Adapters that act, as after some training."""
    adapted = with_adapters(model, LORA).eval()
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            generator = torch.Generator().manual_seed(seed + len(name))
            parameter.data.normal_(0.0, 0.2, generator=generator)
    return adapted


def adapters_of(model: PeftModel) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


@torch.inference_mode()
def logits(model: nn.Module) -> torch.Tensor:
    return model(input_ids=IDS).logits


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_loaded_model_has_no_dropout_whatever_its_config_says(kind: str, tmp_path: Path) -> None:
    if kind == "gpt2":
        config = GPT2Config(vocab_size=50, n_positions=32, n_embd=16, n_layer=1, n_head=2)  # .1 by default
        GPT2LMHeadModel(config).save_pretrained(tmp_path)
    else:
        sizes: dict[str, Any] = {
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        }
        LlamaForCausalLM(LlamaConfig(vocab_size=50, attention_dropout=0.3, **sizes)).save_pretrained(tmp_path)
    model = load_causal_lm(tmp_path).train()
    assert all(module.p == 0 for module in model.modules() if isinstance(module, nn.Dropout))
    torch.testing.assert_close(logits(model), logits(model), atol=0, rtol=0)
    torch.testing.assert_close(logits(model), logits(model.eval()), atol=1e-6, rtol=0)


def test_folder_without_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_causal_lm(tmp_path)


@pytest.mark.parametrize("kind", MODELS)
def test_merged_model_says_what_the_adapted_model_says(kind: str) -> None:
    adapted, plain = changed_adapters(MODELS[kind]()), MODELS[kind]()
    before = logits(plain)
    AdapterMerger(plain, LORA).merge(adapters_of(adapted))
    assert (logits(plain) - before).abs().max() > 0.1, "the adapters do nothing: nothing was tested"
    torch.testing.assert_close(logits(plain), logits(adapted), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_fresh_adapters_change_nothing(kind: str) -> None:
    torch.testing.assert_close(logits(with_adapters(MODELS[kind](), LORA).eval()), logits(MODELS[kind]()))


def test_fiftieth_merge_is_exactly_the_first() -> None:
    one, other = (adapters_of(changed_adapters(random_gpt2(), seed)) for seed in (1, 99))
    model = random_gpt2().bfloat16()  # where drift would show at once
    merger = AdapterMerger(model, LORA)
    merger.merge(one)
    first = logits(model)
    for _ in range(25):
        merger.merge(other)
        merger.merge(one)
    torch.testing.assert_close(logits(model), first, atol=0, rtol=0)


def test_adapter_without_layer_or_second_half_is_refused() -> None:
    adapters = adapters_of(changed_adapters(random_gpt2()))
    down = next(name for name in adapters if ".lora_A." in name)
    merger = AdapterMerger(random_gpt2(), LORA)
    with pytest.raises(ModelError, match="lora_A"):
        merger.merge({down: adapters[down]})
    with pytest.raises(ModelError, match=r"h\.9"):
        merger.merge({name.replace("h.0", "h.9"): tensor for name, tensor in adapters.items()})


@pytest.mark.parametrize("native", [True, False], ids=["cpu-with-bf16", "cpu-without-bf16"])
def test_four_bit_adapters_keep_their_gradients_after_generating(tmp_path: Path, native: bool) -> None:
    """On a CPU with AVX512-bf16, bitsandbytes marks its layers for a kernel that has no gradients."""
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    random_llama().save_pretrained(tmp_path)
    try:
        base = load_causal_lm(tmp_path, four_bit=True)
    except (RuntimeError, ImportError) as error:
        pytest.skip(f"bitsandbytes holds no 4-bit weights on this machine: {error}")
    layers: list[Any] = [module for module in base.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    assert layers and not any(layer.support_avx512bf16_for_cpu for layer in layers), "loading has to take the mark away"
    for layer in layers:
        layer.support_avx512bf16_for_cpu = native
    keep_adapter_gradients(base)
    model = with_adapters(base, LORA).eval()
    model.generate(input_ids=IDS, max_new_tokens=3, do_sample=False, pad_token_id=0)
    logits(model)
    model.train()(input_ids=IDS, labels=IDS).loss.backward()
    without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not without
    assert any(p.grad.abs().max() > 0 for p in model.parameters() if p.grad is not None)
