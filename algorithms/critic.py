"""The six-head critic: an encoder reads context and reply as a pair, six regressions in [0, 1] judge the reply.

Heads share the encoder: its hidden states are averaged over the reply and over the context; both averages and their
product (does the reply suit the context?) go through one hidden layer to six sigmoids. A critic is a folder of
safetensors and JSON; nothing in it is pickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from transformers import PreTrainedModel

from algorithms.encoder import Encoder, restore_encoder, save_encoder
from algorithms.pair_text import PairBatch, PairText
from envs.errors import ModelError
from envs.files import write_bytes, write_json
from envs.heads import HEADS, Exchange, HeadScores

WEIGHTS, CARD, ENCODER = "critic.safetensors", "critic.json", "encoder"
"""The files of a critic's folder: all weights, what it is and how it did, and the encoder's config and tokenizer."""

SCORING_BATCH = 64
"""Pairs of a forward pass in ``Critic.score``."""


class CriticNetwork(nn.Module):
    """The encoder and the heads on it; gives logits."""

    def __init__(self, encoder: PreTrainedModel, width: int) -> None:
        """Put new heads on an encoder of hidden size ``width``."""
        super().__init__()
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # BERT's own summary of a text; the averages take its place
        self.encoder = encoder
        self.heads = nn.Sequential(nn.Linear(3 * width, width), nn.GELU(), nn.Linear(width, len(HEADS)))
        self._segmented = getattr(encoder.config, "type_vocab_size", 0) >= 2

    @torch.no_grad()
    def start_at(self, scores: torch.Tensor) -> None:
        """Set the heads' biases so that an untrained network gives about ``scores`` (heads,)."""
        last = self.heads[-1]
        assert isinstance(last, nn.Linear)
        last.bias.copy_(torch.logit(scores, eps=1e-3))

    def forward(self, batch: PairBatch) -> torch.Tensor:
        """Logits of shape (batch, heads); ``sigmoid`` gives the scores."""
        extra = {"token_type_ids": batch.segments} if self._segmented else {}
        hidden = self.encoder(input_ids=batch.ids, attention_mask=batch.mask, **extra).last_hidden_state
        reply = _mean(hidden, batch.mask * batch.segments)
        context = _mean(hidden, batch.mask * (1 - batch.segments))
        return self.heads(torch.cat([reply, context, reply * context], dim=-1))


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average of ``hidden`` (batch, tokens, width) over the tokens where ``mask`` (batch, tokens) is 1."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class Critic:
    """A trained critic: scores exchanges, never learns. Implements ``envs.heads.RewardModel``."""

    def __init__(self, network: CriticNetwork, text: PairText, device: torch.device | str = "cpu") -> None:
        """Freeze ``network``, put it on ``device`` and in evaluation mode."""
        self._network = network.to(device).eval().requires_grad_(False)
        self._text, self._device = text, torch.device(device)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Critic:
        """The critic of a folder; needs neither the hub nor a model package.

        Raises:
            ModelError: the folder holds no critic, or its weights do not fit its config.
        """
        encoder = restore_encoder(folder / ENCODER)
        network = CriticNetwork(encoder.model, encoder.width)
        try:
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be loaded: {error}. Train the critic again") from error
        return cls(network, encoder.text, device)

    @torch.inference_mode()
    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Score N exchanges; row i belongs to exchange i.

        Pairs run through the network sorted by length, so that little of a batch is padding. One critic has no
        spread: it is 0.
        """
        mean = np.zeros((len(exchanges), len(HEADS)))
        pairs = self._text.encode(exchanges)
        order = sorted(range(len(pairs)), key=lambda row: len(pairs[row].ids))
        for first in range(0, len(order), SCORING_BATCH):
            rows = order[first : first + SCORING_BATCH]
            batch = self._text.collate([pairs[row] for row in rows]).to(self._device)
            mean[rows] = torch.sigmoid(self._network(batch).float()).cpu().numpy()
        return HeadScores(mean, np.zeros_like(mean))

    def weights_hash(self) -> str:
        """sha256 (hex) of all weights, names and shapes included: equal critics, equal hash."""
        return hash_weights(self._network.state_dict())

    def parameters(self) -> list[nn.Parameter]:
        """All parameters; none of them takes a gradient."""
        return list(self._network.parameters())


def hash_weights(weights: Mapping[str, torch.Tensor]) -> str:
    """sha256 (hex) of named tensors, whatever device they are on."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_critic(network: CriticNetwork, encoder: Encoder, card: Mapping[str, Any], folder: Path) -> None:
    """Write a critic's folder; each file is written whole or not at all, the card last.

    Args:
        network: the trained network; its encoder is ``encoder.model``.
        encoder: for its config and tokenizer.
        card: settings and held-out figures, for ``critic.json``.
        folder: made where it is missing.
    """
    save_encoder(encoder, folder / ENCODER)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(weights))
    write_json(folder / CARD, {**card, "heads": list(HEADS), "weights_sha256": hash_weights(weights)})
