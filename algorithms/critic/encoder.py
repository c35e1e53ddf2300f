"""Text encoders for the critic: from scratch, packaged, from a folder or the hub; saved in a critic's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModel, BertConfig, PretrainedConfig, PreTrainedModel

from algorithms.critic.pair_text import BREAK, PAD, START, PairText, train_tokenizer
from algorithms.model_files import ModelFiles, load_model, load_plain_tokenizer, require_rows
from algorithms.model_shapes import config_positions, layer_config
from algorithms.packaged_models import MINILM, packaged_minilm
from algorithms.settings.critic import CriticSettings
from envs.errors import ModelError
from envs.files import write_json, write_text

TINY = "tiny"

TINY_VOCABULARY = 4000
TINY_WIDTH = 128
TINY_LAYERS = 2

_TOKENIZER, _CONFIG, _SPECIAL = "tokenizer.json", "config.json", "special.json"


@dataclass(frozen=True)
class Encoder:
    """A model that turns token ids into hidden states, and how exchanges become its tokens."""

    model: PreTrainedModel
    text: PairText

    @property
    def width(self) -> int:
        """Size of a hidden state."""
        return int(layer_config(self.model.config).hidden_size)

    @property
    def frozen_layers(self) -> int:
        """Number of the lowest layers that training does not change; 0 if all are trained."""
        layers = next(module for module in self.model.modules() if isinstance(module, torch.nn.ModuleList))
        trained = [any(parameter.requires_grad for parameter in layer.parameters()) for layer in layers]
        return trained.index(True) if any(trained) else len(trained)


def load_encoder(settings: CriticSettings, texts: Iterable[str], films: Sequence[str] = ()) -> Encoder:
    """Load the encoder that the settings name, with its lower layers frozen and without dropout.

    Args:
        settings: ``encoder`` and ``trained_layers``; a tiny encoder trains all its layers.
        texts: a tiny encoder's tokenizer is learnt from them; other encoders do not read them.
        films: names that a tiny encoder reads as one token each, so that it can learn a vector for each film.

    Raises:
        ModelError: the encoder cannot be loaded, has no fast tokenizer, or reads fewer tokens than ``max_tokens``.
    """
    if settings.encoder == TINY:
        return _tiny(settings, texts, films)
    source = packaged_minilm() if settings.encoder == MINILM else settings.encoder
    remedy = "Use tiny, minilm, a folder with config.json, safetensors weights and a tokenizer, or a hub id"
    with ModelFiles(source, f"encoder {settings.encoder!r} cannot be loaded", remedy):
        model = load_model(AutoModel, source, dtype=torch.float32)
        tokenizer: Any = load_plain_tokenizer(source, remedy)
        require_rows(model, tokenizer.get_vocab().values())
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"encoder {settings.encoder!r} has no fast tokenizer. Choose one with a tokenizer.json")
    _without_dropout(model)
    _check_positions(model.config, settings)
    _freeze(model, settings.trained_layers)
    start = tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id
    separator = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if start is None or separator is None or tokenizer.pad_token_id is None:
        raise ModelError(
            f"encoder {settings.encoder!r} lacks a start, separator or padding token. Choose a BERT-like one"
        )
    text = PairText(tokenizer.backend_tokenizer, start, separator, tokenizer.pad_token_id, settings.max_tokens)
    return Encoder(model, text)


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Write what ``restore_encoder`` needs except the weights: config, tokenizer and special ids, all as JSON."""
    write_text(folder / _CONFIG, encoder.model.config.to_json_string())
    write_text(folder / _TOKENIZER, encoder.text.tokenizer.to_str())
    text = encoder.text
    special = {"start": text.start, "separator": text.separator, "pad": text.pad, "max_tokens": text.max_tokens}
    write_json(folder / _SPECIAL, special)


def restore_encoder(folder: Path) -> Encoder:
    """Build the encoder of a critic's folder, without its weights; this needs neither hub nor package.

    Raises:
        ModelError: a file is missing or broken.
    """
    with ModelFiles(folder, f"{folder} holds no encoder of a critic", "Train the critic again"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        special = json.loads((folder / _SPECIAL).read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_str((folder / _TOKENIZER).read_text(encoding="utf-8"))
        return Encoder(AutoModel.from_config(config, trust_remote_code=False), PairText(tokenizer, **special))


def _tiny(settings: CriticSettings, texts: Iterable[str], films: Sequence[str]) -> Encoder:
    tokenizer = train_tokenizer(texts, TINY_VOCABULARY, films)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=TINY_WIDTH,
        num_hidden_layers=TINY_LAYERS,
        num_attention_heads=4,
        intermediate_size=2 * TINY_WIDTH,
        max_position_embeddings=settings.max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.token_to_id(PAD),
    )
    start, separator, pad = (tokenizer.token_to_id(token) for token in (START, BREAK, PAD))
    return Encoder(
        AutoModel.from_config(config),
        PairText(tokenizer, start, separator, pad, settings.max_tokens),  # pyright: ignore[reportArgumentType]
    )


def _without_dropout(model: PreTrainedModel) -> None:
    """Switch dropout off in modules and config, so that scores are equal in training and evaluation mode."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(model.config, name):
            setattr(model.config, name, 0.0)


def _check_positions(config: PretrainedConfig, settings: CriticSettings) -> None:
    positions = config_positions(config)
    if settings.max_tokens > positions - 2:  # RoBERTa reserves two positions for padding
        raise ModelError(
            f"encoder {settings.encoder!r} reads {positions} tokens, too few for max_tokens {settings.max_tokens}. "
            f"Set critic.max_tokens to {positions - 2} at most"
        )


def _freeze(model: PreTrainedModel, trained_layers: int) -> None:
    """Freeze everything but the top ``trained_layers`` layers."""
    model.requires_grad_(False)
    for name, module in model.named_modules():
        if name in ("encoder.layer", "transformer.layer", "layers") and isinstance(module, torch.nn.ModuleList):
            for layer in list(module)[len(module) - min(trained_layers, len(module)) :]:
                layer.requires_grad_(True)
            return
    raise ModelError(f"the layers of {type(model).__name__} were not found. Choose a BERT-like encoder")
