"""Ridge regression as a layer: solved in closed form, never trained by gradients."""

from __future__ import annotations

import torch
from torch import nn

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Candidate penalties, as multiples of the number of examples."""


class Ridge(nn.Module):
    """Linear regression of several outputs on standardised features; predictions are clipped to [0, 1]."""

    mean: torch.Tensor
    scale: torch.Tensor
    weights: torch.Tensor
    offset: torch.Tensor

    def __init__(self, features: int, outputs: int) -> None:
        """Predict 0 until solved."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("weights", torch.zeros(features, outputs))
        self.register_buffer("offset", torch.zeros(outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Predictions (batch, outputs) from features (batch, features)."""
        standard = ((features.float() - self.mean) * self.scale).clamp(-8.0, 8.0)
        return (standard @ self.weights + self.offset).clamp(0.0, 1.0)

    @torch.no_grad()
    def solve(
        self,
        train: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        valid: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    ) -> None:
        """Solve the normal equations for each output, with the penalty that predicts ``valid`` best.

        Args:
            train: features (N, features), values (N, outputs) and known (N, outputs); values that are not known do not
                count.
            valid: the same three arrays for the validation examples.
        """
        features, values, known = train[0].float(), train[1].double(), train[2].double()
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        self.scale.copy_(torch.where(deviation > 1e-6, 1.0 / deviation.clamp(min=1e-6), 0.0))
        standard = self._standard(features)
        held_out = self._standard(valid[0].float())
        for output in range(values.shape[1]):
            rows = known[:, output] > 0
            if rows.any():
                offset = values[rows, output].mean()
                weights = self._best(
                    standard[rows],
                    values[rows, output] - offset,
                    held_out,
                    valid[1][:, output] - offset,
                    valid[2][:, output],
                )
                self.weights[:, output], self.offset[output] = weights.float(), offset.float()

    def _standard(self, features: torch.Tensor) -> torch.Tensor:
        return ((features - self.mean) * self.scale).clamp(-8.0, 8.0).double()

    @staticmethod
    def _best(
        features: torch.Tensor, values: torch.Tensor, held_out: torch.Tensor, labels: torch.Tensor, known: torch.Tensor
    ) -> torch.Tensor:
        gram, moment = features.T @ features, features.T @ values
        eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        solutions = [torch.linalg.solve(gram + share * len(values) * eye, moment) for share in PENALTIES]
        errors = [float((((held_out @ weights - labels) ** 2) * known).sum()) for weights in solutions]
        return solutions[min(range(len(solutions)), key=errors.__getitem__)]


def quadratic_width(numbers: int) -> int:
    """The number of features that ``quadratic`` makes of ``numbers`` numbers."""
    return numbers + numbers * (numbers + 1) // 2


def quadratic(numbers: torch.Tensor) -> torch.Tensor:
    """The numbers (batch, n) and all their pairwise products, squares included: (batch, n + n (n + 1) / 2)."""
    first, second = torch.triu_indices(numbers.shape[1], numbers.shape[1], device=numbers.device)
    return torch.cat([numbers, numbers[:, first] * numbers[:, second]], dim=1)
