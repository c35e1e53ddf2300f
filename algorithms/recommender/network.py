"""A network that maps the features of a conversation to a softmax over the catalogue, and its training.

    h = sum_f value_f E_f        score_j = h . (O_j + sum_k M_jk P_k) + b_j

``M`` holds the facts of each film, so a film that no training dialogue names is scored by its facts. Training minimises
the weighted cross-entropy of the new films that a message names, among all films that the conversation has not named.
Features are dropped at random.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import nn

from algorithms.finite import require_finite_loss
from algorithms.settings.recommender import RecommenderSettings

_START = 0.01
"""Standard deviation of the initial weights."""
_LAST_RATE = 0.1
"""The learning rate falls to this share by the end of a training."""

OnBatch = Callable[[float], None]
"""Called with the loss of each batch."""


@dataclass(frozen=True)
class Examples:
    """N messages to learn from.

    Attributes:
        features: (N, features) values.
        named: for each message, columns of the films that the conversation has named; the softmax leaves them out.
        targets: for each message, columns of new films with their weights.
    """

    features: csr_matrix
    named: Sequence[Collection[int]]
    targets: Sequence[Mapping[int, float]]


@dataclass(frozen=True)
class NetworkWeights:
    """A trained network as arrays; the facts are added to the films' vectors.

    Attributes:
        inputs: (features, width) float32.
        films: (films, width) float32.
        bias: (films,) float32.
    """

    inputs: np.ndarray
    films: np.ndarray
    bias: np.ndarray


class SoftmaxNetwork(nn.Module):
    """The network of this module's docstring."""

    def __init__(self, features: int, facts: csr_matrix, shares: np.ndarray, width: int) -> None:
        """Start near popularity.

        Args:
            features: number of features.
            facts: (films, facts), the facts of each film.
            shares: (films,) each film's share of the mentions.
            width: of ``h``.
        """
        super().__init__()
        films, known = facts.get_shape()
        self.inputs = nn.Parameter(torch.randn(features, width) * _START)
        self.films = nn.Parameter(torch.randn(films, width) * _START)
        self.facts = nn.Parameter(torch.randn(known, width) * _START)
        self.bias = nn.Parameter(torch.from_numpy(np.log(shares)).float())
        self._known_of = _bags(facts)

    def film_vectors(self) -> torch.Tensor:
        """The films' vectors with their facts added, (films, width)."""
        columns, starts, values = self._known_of
        known = nn.functional.embedding_bag(columns, self.facts, starts, mode="sum", per_sample_weights=values)
        return self.films + known

    def forward(
        self, features: csr_matrix, named: Sequence[Collection[int]], dropout: float, noise: torch.Generator
    ) -> torch.Tensor:
        """Scores (N, films) of N rows of features; drops features by ``dropout``; named films get -inf."""
        columns, starts, values = _bags(features)
        if dropout:
            values = values * (torch.rand(len(values), generator=noise) >= dropout) / (1.0 - dropout)
        h_NW = nn.functional.embedding_bag(columns, self.inputs, starts, mode="sum", per_sample_weights=values)
        scores = h_NW @ self.film_vectors().T + self.bias
        pairs = [(row, film) for row, films in enumerate(named) for film in films]
        if not pairs:
            return scores
        rows, films = torch.tensor(pairs).T
        return scores.index_put((rows, films), torch.tensor(-torch.inf))

    @torch.no_grad()
    def weights(self) -> NetworkWeights:
        """The network as arrays."""
        parts = (self.inputs, self.film_vectors(), self.bias)
        return NetworkWeights(*(part.detach().numpy().astype(np.float32) for part in parts))


def train(
    network: SoftmaxNetwork,
    examples: Examples,
    settings: RecommenderSettings,
    epochs: int,
    seed: int,
    on_batch: OnBatch = lambda loss: None,
) -> None:
    """Train a network in place by AdamW with a linearly falling rate.

    Args:
        network: the network; training continues from its present weights.
        examples: the training examples; those without targets are ignored.
        settings: batch size, learning rate and dropout.
        epochs: passes over the examples.
        seed: of their order and of the dropout.
        on_batch: called with each batch's loss.

    Raises:
        ModelError: the training diverged.
    """
    noise = torch.Generator().manual_seed(seed)
    wanted = np.array([row for row, targets in enumerate(examples.targets) if targets], dtype=np.int64)
    steps = epochs * batches(len(wanted), settings.batch_size)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, _LAST_RATE, max(1, steps))
    step = 0
    for _ in range(epochs):
        order = wanted[torch.randperm(len(wanted), generator=noise).numpy()]
        for rows in np.array_split(order, batches(len(order), settings.batch_size)) if len(order) else ():
            named = [examples.named[row] for row in rows]
            shares = torch.log_softmax(network(examples.features[rows], named, settings.dropout, noise), dim=1)
            aims = [
                (index, film, weight)
                for index, row in enumerate(rows)
                for film, weight in examples.targets[row].items()
            ]
            columns, films, weights = zip(*aims, strict=True)
            loss = -(shares[list(columns), list(films)] * torch.tensor(weights)).sum() / len(rows)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            step += 1
            require_finite_loss(float(loss.detach()), step, "recommender.learning_rate")
            on_batch(float(loss.detach()))


def batches(count: int, size: int) -> int:
    """Number of batches of an epoch: at least one, each of about ``size`` examples."""
    return max(1, round(count / size))


def _bags(rows: csr_matrix) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows as arguments of ``embedding_bag``: the entries' columns, the start of each row, and the values."""
    columns, starts = (torch.from_numpy(part.astype(np.int64)) for part in (rows.indices, rows.indptr[:-1]))
    return columns, starts, torch.from_numpy(rows.data.astype(np.float32))
