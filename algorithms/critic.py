"""The six-head critic: an encoder reads context and reply as a pair, an ensemble of heads judges the reply in [0, 1].

The members of the ensemble share the encoder and differ in their heads. Its hidden states are averaged over the reply
and over the context; both averages, their product (does the reply suit the context?), the state at the reply's end
and what can be counted in the exchange (``surface``) go through one hidden layer to six sigmoids a member. The mean of
the members is the score, their disagreement the spread (Lakshminarayanan et al., arXiv 1612.01474). A critic is a
folder of safetensors and JSON; nothing in it is pickled.
"""

from __future__ import annotations

import hashlib
import json
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
from algorithms.film_table import FilmTable
from algorithms.pair_text import PairBatch, PairText
from algorithms.surface import NAMES, surface
from envs.errors import ModelError
from envs.files import write_bytes, write_json
from envs.heads import HEADS, Exchange, HeadScores

WEIGHTS, CARD, ENCODER, FILMS = "critic.safetensors", "critic.json", "encoder", "films.json"
"""The files of a critic's folder: all weights, what it is and how it did, the encoder's config and tokenizer, films."""

SCORING_BATCH = 64
"""Pairs of a forward pass in ``Critic.score``."""


class CriticNetwork(nn.Module):
    """The encoder and the members' heads on it; gives logits."""

    def __init__(self, encoder: PreTrainedModel, width: int, members: int = 1) -> None:
        """Put new heads on an encoder of hidden size ``width``, so many that start differently."""
        super().__init__()
        if getattr(encoder, "pooler", None) is not None:
            encoder.pooler = None  # BERT's own summary of a text; the averages take its place
        self.encoder, self.members = encoder, members
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(4 * width + len(NAMES), width), nn.GELU(), nn.Linear(width, len(HEADS)))
            for _ in range(members)
        )
        self._segmented = getattr(encoder.config, "type_vocab_size", 0) >= 2

    @torch.no_grad()
    def start_at(self, scores: torch.Tensor) -> None:
        """Set the heads' biases so that an untrained network gives about ``scores`` (heads,)."""
        for member in self.heads:
            member[-1].bias.copy_(torch.logit(scores, eps=1e-3))  # pyright: ignore[reportIndexIssue]

    def forward(self, batch: PairBatch, numbers: torch.Tensor) -> torch.Tensor:
        """Logits of shape (batch, members, heads); ``sigmoid`` gives the scores.

        Args:
            batch: the pairs.
            numbers: what ``surface`` counts in them, (batch, numbers).
        """
        extra = {"token_type_ids": batch.segments} if self._segmented else {}
        hidden = self.encoder(input_ids=batch.ids, attention_mask=batch.mask, **extra).last_hidden_state
        reply = _mean(hidden, batch.mask * batch.segments)
        context = _mean(hidden, batch.mask * (1 - batch.segments))
        rows = torch.arange(len(hidden), device=hidden.device)
        end = hidden[rows, batch.mask.sum(1) - 1]
        features = torch.cat([reply, context, reply * context, end, numbers.to(hidden.dtype)], dim=-1)
        return torch.stack([member(features) for member in self.heads], dim=1)


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average of ``hidden`` (batch, tokens, width) over the tokens where ``mask`` (batch, tokens) is 1."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class Critic:
    """A trained critic: scores exchanges, never learns. Implements ``envs.heads.RewardModel``."""

    def __init__(
        self, network: CriticNetwork, text: PairText, films: FilmTable, device: torch.device | str = "cpu"
    ) -> None:
        """Freeze ``network``, put it on ``device`` and in evaluation mode; ``films`` are those that it knows."""
        self._network = network.to(device).eval().requires_grad_(False)
        self._text, self._films, self._device = text, films, torch.device(device)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu") -> Critic:
        """The critic of a folder; needs neither the hub nor a model package.

        Raises:
            ModelError: the folder holds no critic, or its weights do not fit its config.
        """
        encoder = restore_encoder(folder / ENCODER)
        try:
            members = int(json.loads((folder / CARD).read_text(encoding="utf-8"))["members"])
            films = FilmTable.from_json(json.loads((folder / FILMS).read_text(encoding="utf-8")))
            network = CriticNetwork(encoder.model, encoder.width, members)
            network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError, RuntimeError) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be loaded: {error}. Train the critic again") from error
        return cls(network, encoder.text, films, device)

    @torch.inference_mode()
    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Score N exchanges; row i belongs to exchange i.

        Pairs run through the network sorted by length, so that little of a batch is padding. The spread is the
        standard deviation over the members; 0 for one member.
        """
        mean, spread = np.zeros((2, len(exchanges), len(HEADS)))
        numbers = torch.from_numpy(surface(exchanges, self._films))
        pairs = self._text.encode(exchanges)
        order = sorted(range(len(pairs)), key=lambda row: len(pairs[row].ids))
        for first in range(0, len(order), SCORING_BATCH):
            rows = order[first : first + SCORING_BATCH]
            batch = self._text.collate([pairs[row] for row in rows]).to(self._device)
            scores = torch.sigmoid(self._network(batch, numbers[rows].to(self._device)).float()).cpu().numpy()
            mean[rows], spread[rows] = scores.mean(1), scores.std(1)
        return HeadScores(mean, spread)

    def cut(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """(N,) bool: the reply is longer than the critic reads, and was judged without its end."""
        return np.array([pair.cut for pair in self._text.encode(exchanges)], dtype=bool)

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


def save_critic(
    network: CriticNetwork, encoder: Encoder, films: FilmTable, card: Mapping[str, Any], folder: Path
) -> None:
    """Write a critic's folder; each file is written whole or not at all, the card last.

    Args:
        network: the trained network; its encoder is ``encoder.model``.
        encoder: for its config and tokenizer.
        films: those that the critic knows.
        card: settings and held-out figures, for ``critic.json``.
        folder: made where it is missing.
    """
    save_encoder(encoder, folder / ENCODER)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(folder / WEIGHTS, save(weights))
    write_json(folder / FILMS, films.to_json())
    facts = {"heads": list(HEADS), "members": network.members, "weights_sha256": hash_weights(weights)}
    write_json(folder / CARD, {**card, **facts})
