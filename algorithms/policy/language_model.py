"""Causal language models: loading, adapters, and the copy with merged adapters that samples.

A policy folder is what ``transformers`` saves: safetensors, tokenizer, config. Every dropout is 0; otherwise PPO's
probability ratio would differ from 1 before any weight changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.utils.integrations import dequantize_module_weight
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
)
from transformers.pytorch_utils import Conv1D

from algorithms.model_files import ModelFiles, load_model
from algorithms.model_shapes import config_positions, layer_config
from algorithms.packaged_models import forget_quantization
from algorithms.settings.policy import LoraSettings, PolicySettings
from algorithms.settings.precision import computes_in_bfloat16
from algorithms.weight_hashes import MODEL_CARD, read_card
from envs.errors import ModelError

TINY = "tiny"
_SPREAD_OF_NEW_ROWS = 1e-9**0.5
"""Standard deviation of new rows, as a share of the other rows': that of transformers' ``mean_resizing``."""


def policy_dtype(settings: PolicySettings, device: torch.device | str = "cpu") -> torch.dtype:
    """The dtype in which the policy computes on a device: sampling weights, and a PPO learner's forward passes."""
    bfloat16 = computes_in_bfloat16(settings.dtype, torch.device(device).type)
    return torch.bfloat16 if bfloat16 else torch.float32


def build_tiny(settings: PolicySettings, vocabulary: int, end: int, pad: int, seed: int) -> PreTrainedModel:
    """A GPT-2 from scratch, its weights drawn from ``seed``."""
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=settings.positions,
        n_embd=settings.width,
        n_layer=settings.layers,
        n_head=settings.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        activation_function="gelu_pytorch_tanh",  # a fused kernel for gelu_new's function, several times faster
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=pad,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config)


def load_causal_lm(
    source: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    four_bit: bool = False,
    device: torch.device | str = "cpu",
) -> PreTrainedModel:
    """A causal language model with every dropout at 0.

    Args:
        source: a folder or hub id; only safetensors are read.
        dtype: of the weights.
        four_bit: hold the linear layers in nf4 (bitsandbytes).
        device: where the model is put.

    Raises:
        ModelError: nothing loadable is there, or other weights than the folder's card says.
    """
    with ModelFiles(
        source,
        f"no causal language model at {str(source)!r}",
        "Make it anew, or name another folder or hub id",
    ):
        if (card := Path(source) / MODEL_CARD).is_file():
            read_card(card)
        config = AutoConfig.from_pretrained(str(source), trust_remote_code=False)
        for part in {id(part): part for part in (config, layer_config(config))}.values():
            for name in list(vars(part)):
                if ("dropout" in name or name.endswith("_pdrop")) and isinstance(getattr(part, name), float):
                    setattr(part, name, 0.0)
        options: dict[str, Any] = {"config": config, "dtype": dtype}
        if four_bit:
            from transformers import BitsAndBytesConfig

            options["quantization_config"] = BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
            )
            options["device_map"] = {"": device}
        model = load_model(AutoModelForCausalLM, source, **options)
    if four_bit:
        keep_adapter_gradients(model)
        return model
    return model.to(device)  # pyright: ignore[reportArgumentType]


def keep_adapter_gradients(model: nn.Module) -> None:
    """Switch off bitsandbytes' AVX512-bf16 kernel, which drops every adapter gradient after an eval forward."""
    import bitsandbytes

    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):  # pyright: ignore[reportPrivateImportUsage]
            module.support_avx512bf16_for_cpu = False


def fit_vocabulary(model: PreTrainedModel, known: int, size: int, added: Collection[int]) -> list[int]:
    """Give a model one embedding row a token, and return the ids whose rows are untrained, in order.

    Rows beyond the tokenizer, with which some models fill their tables up to a round number (Pythia, Qwen), are dropped
    first: nothing says them, and a new token that falls on one would keep a value that was never trained. New rows are
    drawn around the mean of the others, also those of new tokens that fall into a hole of the tokenizer's ids.

    Args:
        model: changed in place.
        known: rows that the tokenizer needed when the model was trained.
        size: rows that it needs now, at least as many.
        added: ids of the tokens that it got since.
    """
    rows = int(model.get_input_embeddings().weight.shape[0])  # pyright: ignore
    kept = min(known, rows)
    if kept < rows:
        model.resize_token_embeddings(kept, mean_resizing=False)
    if kept < size:
        model.resize_token_embeddings(size, mean_resizing=True)
    if holes := sorted(index for index in added if index < kept):
        _draw_rows(model, holes, kept)
    return sorted({*added, *range(kept, size)})


@torch.no_grad()
def _draw_rows(model: PreTrainedModel, rows: list[int], kept: int) -> None:
    """Draw rows of the embedding and the head around the mean of the other rows below ``kept``."""
    tables: list[Any] = [model.get_input_embeddings(), model.get_output_embeddings()]
    others = torch.ones(kept, dtype=torch.bool)
    others[rows] = False
    for table in {id(p): p for layer in tables if layer is not None for p in layer.parameters()}.values():
        spread, mean = torch.std_mean(table[:kept][others.to(table.device)].float(), 0)
        noise = torch.randn(len(rows), *mean.shape) * _SPREAD_OF_NEW_ROWS
        table[rows] = (mean + spread * noise.to(table.device)).to(table.dtype)


def with_adapters(model: PreTrainedModel, lora: LoraSettings, new_rows: list[int] | None = None) -> PeftModel:
    """The model with fresh adapters on every linear layer; they change nothing until trained.

    Args:
        model: the base, frozen by this.
        lora: rank and scale.
        new_rows: token ids whose embedding rows are trained, too; also their rows of the head if it is not tied.

    Raises:
        ModelError: the model is a mixture of experts.
    """
    rows: Any = new_rows or None
    embeddings: Any = model.get_input_embeddings()
    head: Any = model.get_output_embeddings()
    if new_rows and head is not None and head.weight is not embeddings.weight:
        modules = {module: name.rsplit(".", 1)[-1] for name, module in model.named_modules()}
        rows = {modules[end]: new_rows for end in (embeddings, head)}
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        trainable_token_indices=rows,
    )
    adapted = get_peft_model(model, config)
    for name, layer in adapted.named_modules():
        below = layer.get_base_layer() if isinstance(layer, LoraLayer) else None
        if below is None:
            continue
        if not hasattr(below, "weight") or type(below).__name__.endswith("Router"):  # a router gives several tensors
            raise ModelError(
                f"{type(model).__name__} has several experts in {name}, which adapters do not fit. "
                "Unset policy.lora, or choose a model without experts"
            )
    return adapted  # pyright: ignore[reportReturnType]


def merged(model: PeftModel) -> PreTrainedModel:
    """Merge the adapters into the weights and return the plain model; its 4-bit layers become full layers.

    A 4-bit layer is converted before the merge, since peft would round the sum to 4 bits and lose most of the adapters.
    """
    base = model.get_base_model()
    adapted: list[tuple[str, Any]] = [item for item in base.named_modules() if isinstance(item[1], LoraLayer)]
    for name, layer in adapted:
        below: Any = layer.get_base_layer()
        if not hasattr(below.weight, "quant_state"):
            continue
        with torch.no_grad():
            weight = dequantize_module_weight(below)
            full = nn.Linear(weight.shape[1], weight.shape[0], below.bias is not None, "cpu", weight.dtype)
            full.weight.copy_(weight + layer.get_delta_weight("default").to(weight.dtype))
            if below.bias is not None:
                full.bias.copy_(below.bias)
        base.set_submodule(name, full)
    plain: Any = model.merge_and_unload()  # pyright: ignore[reportCallIssue]
    if getattr(plain, "is_quantized", False):
        forget_quantization(plain)
    return plain.to("cpu")


def chosen_logits(
    model: PreTrainedModel, choose: Callable[[torch.Tensor], torch.Tensor], **inputs: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run a model's own forward, with its head only on some of the hidden states.

    What the head gives may be scaled or capped afterwards (Granite, Cohere, Gemma 2); only the forward knows how.

    Args:
        model: a language model, with or without active adapters.
        choose: takes N of the hidden states (batch, time, width): (N, width).
        inputs: of the forward.

    Returns:
        All hidden states as the head reads them (batch, time, width), and the model's logits of the chosen ones
        (N, vocabulary).

    Raises:
        ModelError: the model has no head, or its forward does not use it.
    """
    seen: list[torch.Tensor] = []

    def only_chosen(_: nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        seen.append(args[0])
        return (choose(args[0]),)

    hook = _head(model).register_forward_pre_hook(only_chosen)
    try:
        logits = model(**inputs).logits
    finally:
        hook.remove()
    if not seen:
        raise ModelError(f"{type(model).__name__} makes logits without its output layer. Choose another model")
    return seen[0], logits


def token_logits(
    model: PreTrainedModel, tokens_BT: torch.Tensor, wanted_BT: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run one forward over whole rows, and the language-model head only for the wanted tokens.

    Args:
        model: the language model.
        tokens_BT: ids, padded on the right; in a causal model no real token attends to that padding.
        wanted_BT: bool; the first token of a row has no prediction and is never wanted.

    Returns:
        Hidden states (B, T, ``hidden_width``), and for each wanted token the logits that predict it, row after row,
        (tokens, vocabulary). They are the model's own: ``model(input_ids).logits`` at these positions.
    """
    before_BT = wanted_BT[:, 1:]
    return chosen_logits(model, lambda hidden: hidden[:, :-1][before_BT], input_ids=tokens_BT, use_cache=False)


def hidden_width(model: PreTrainedModel) -> int:
    """Width of the hidden states that the model's head reads; a projected model's is not its layers' width."""
    head: Any = _head(model)
    return int(head.in_features)


def max_positions(model: PreTrainedModel) -> int:
    """Longest sequence, in tokens, that the model has positions for; ``UNBOUNDED`` if nothing bounds it."""
    return config_positions(model.config)


def _head(model: PreTrainedModel) -> nn.Module:
    head = model.get_output_embeddings()
    if head is None:
        raise ModelError(f"{type(model).__name__} has no output layer, so it is no language model. Choose another")
    return head


class AdapterMerger:
    """Adds synced adapters to a plain model's weights: ``W + alpha / r * B A`` (Hu et al., arXiv 2106.09685, 4.1).

    Every merge starts from a copy of the base weights, so that rounding errors do not add up.
    """

    def __init__(self, model: PreTrainedModel, lora: LoraSettings) -> None:
        """Wrap ``model``, the supervised policy without adapters."""
        self._model, self._scale = model, lora.alpha / lora.rank
        self._base: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def merge(self, adapters: Mapping[str, torch.Tensor]) -> None:
        """Replace the merged adapters by these.

        Args:
            adapters: peft's parameter names (``…layer.lora_A.default.weight``) to tensors.

        Raises:
            ModelError: an adapter names a layer that the model lacks, or half of it is missing.
        """
        modules = dict(self._model.named_modules())
        for name, down in adapters.items():
            if ".lora_A." not in name:
                continue
            layer = name.split(".lora_A.")[0].split("base_model.model.", 1)[-1]
            up = adapters.get(name.replace(".lora_A.", ".lora_B."))
            if layer not in modules or up is None:
                raise ModelError(f"adapter {name!r} has no layer or no second half in the sampling model")
            weight: torch.Tensor = modules[layer].weight  # pyright: ignore[reportAssignmentType]
            base = self._base.setdefault(layer, weight.detach().clone())
            delta = self._scale * (up.float().to(weight.device) @ down.float().to(weight.device))
            if isinstance(modules[layer], Conv1D):  # GPT-2's layers hold their weight transposed
                delta = delta.T
            weight.copy_((base.float() + delta).to(weight.dtype))
