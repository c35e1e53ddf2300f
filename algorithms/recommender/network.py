"""A softmax over the catalogue from the features of a conversation, and its training.

    h = sum_f value_f E_f        score_j = h . (O_j + sum_k M_jk P_k) + b_j
                                 + h . U_n + c_n  for a film that was named the n-th way

``M`` holds what is known of each film, so that a film that no training dialogue names is scored by its facts. Whether a
film that was named comes again depends on the conversation (``U``, ``c``). Training minimises the weighted
cross-entropy of the films that a message names, features dropped at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import nn

from algorithms.recommender.reading import NAMED_AS, Task
from algorithms.settings import RecommenderSettings

_START = 0.01
"""Standard deviation of the first weights."""
_NAMED_RATE = 0.03
"""Learning rate of what is added for named films: a few numbers that every example moves, and that have far to go."""
_LAST_RATE = 0.1
"""Share of the learning rate that is left at the end of a training."""

OnBatch = Callable[[float], None]
"""Told of a batch's loss."""


@dataclass(frozen=True)
class Examples:
    """N messages to learn from.

    Attributes:
        features: (N, features) values.
        named: of each, film columns with the way they were named, plus ``NAMED_AS`` x its ``Task``.
        targets: of each, film columns with their weight.
    """

    features: csr_matrix
    named: Sequence[Mapping[int, int]]
    targets: Sequence[Mapping[int, float]]


@dataclass(frozen=True)
class NetworkWeights:
    """A trained network as arrays, films' facts folded into their vectors.

    Attributes:
        inputs: (features, width) float32.
        films: (films, width) float32.
        bias: (films,) float32.
        named: (NAMED_AS, width + 1) float32: what is added for a named film, the constant last.
    """

    inputs: np.ndarray
    films: np.ndarray
    bias: np.ndarray
    named: np.ndarray


class SoftmaxNetwork(nn.Module):
    """The network of this module's docstring."""

    def __init__(self, features: int, facts: csr_matrix, shares: np.ndarray, width: int) -> None:
        """Start near popularity.

        Args:
            features: how many there are.
            facts: (films, facts), what is known of each film.
            shares: (films,) of the mentions.
            width: of ``h``.
        """
        super().__init__()
        films, known = facts.get_shape()
        self.inputs = nn.Parameter(torch.randn(features, width) * _START)
        self.films = nn.Parameter(torch.randn(films, width) * _START)
        self.facts = nn.Parameter(torch.randn(known, width) * _START)
        self.bias = nn.Parameter(torch.from_numpy(np.log(shares)).float())
        self.named = nn.Parameter(torch.zeros(len(Task) * NAMED_AS, width + 1))
        self._known_of = _bags(facts)

    def film_vectors(self) -> torch.Tensor:
        """(films, width), facts folded in."""
        places, starts, values = self._known_of
        known = nn.functional.embedding_bag(places, self.facts, starts, mode="sum", per_sample_weights=values)
        return self.films + known

    def forward(
        self, features: csr_matrix, named: Sequence[Mapping[int, int]], dropout: float, noise: torch.Generator
    ) -> torch.Tensor:
        """Scores (N, films) of N rows of features, each feature left out with probability ``dropout``."""
        places, starts, values = _bags(features)
        if dropout:
            values = values * (torch.rand(len(values), generator=noise) >= dropout) / (1.0 - dropout)
        h_NW = nn.functional.embedding_bag(places, self.inputs, starts, mode="sum", per_sample_weights=values)
        scores = h_NW @ self.film_vectors().T + self.bias
        found = [(row, film, way) for row, films in enumerate(named) for film, way in films.items()]
        if not found:
            return scores
        rows, films, ways = torch.tensor(found).T
        more = (h_NW[rows] * self.named[ways, :-1]).sum(1) + self.named[ways, -1]
        return scores.index_put((rows, films), more, accumulate=True)

    @torch.no_grad()
    def weights(self, task: Task) -> NetworkWeights:
        """The network as arrays, for one task."""
        named = self.named[task * NAMED_AS : (task + 1) * NAMED_AS]
        parts = (self.inputs, self.film_vectors(), self.bias, named)
        return NetworkWeights(*(part.detach().numpy().astype(np.float32) for part in parts))


def train(
    network: SoftmaxNetwork,
    examples: Examples,
    settings: RecommenderSettings,
    epochs: int,
    seed: int,
    on_batch: OnBatch = lambda loss: None,
) -> None:
    """Train a network in place: AdamW, the rate falling evenly.

    Args:
        network: what is trained; one that was trained before goes on from there.
        examples: what is learnt from; those without targets are passed over.
        settings: batch size, learning rate and dropout.
        epochs: passes over the examples.
        seed: of their order and of the dropout.
        on_batch: told of each batch's loss.
    """
    noise = torch.Generator().manual_seed(seed)
    wanted = np.array([row for row, targets in enumerate(examples.targets) if targets], dtype=np.int64)
    steps = epochs * batches(len(wanted), settings.batch_size)
    vectors = [parameter for name, parameter in network.named_parameters() if name != "named"]
    groups = [{"params": vectors}, {"params": [network.named], "lr": _NAMED_RATE}]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, _LAST_RATE, max(1, steps))
    for _ in range(epochs):
        order = wanted[torch.randperm(len(wanted), generator=noise).numpy()]
        for rows in np.array_split(order, batches(len(order), settings.batch_size)) if len(order) else ():
            named = [examples.named[row] for row in rows]
            shares = torch.log_softmax(network(examples.features[rows], named, settings.dropout, noise), dim=1)
            aims = [
                (place, film, weight)
                for place, row in enumerate(rows)
                for film, weight in examples.targets[row].items()
            ]
            places, films, weights = zip(*aims, strict=True)
            loss = -(shares[list(places), list(films)] * torch.tensor(weights)).sum() / len(rows)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            on_batch(float(loss.detach()))


def batches(count: int, size: int) -> int:
    """Batches of an epoch: at least one, each of about ``size``."""
    return max(1, round(count / size))


def _bags(rows: csr_matrix) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows as what ``embedding_bag`` takes: the places of their entries, where each row starts, and the values."""
    places, starts = (torch.from_numpy(part.astype(np.int64)) for part in (rows.indices, rows.indptr[:-1]))
    return places, starts, torch.from_numpy(rows.data.astype(np.float32))
