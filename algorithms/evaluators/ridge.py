"""Heads predicted from texts by ridge regression: the evaluators that choose checkpoints and that report.

Neither is a neural network, neither reads what the critic reads, and both learn from dialogues that the critic does not
see. They differ in what they read of an exchange (``exchange_features``): words for the one that reports, characters
for the one that chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import Ridge

from algorithms.evaluators.exchange_features import CharacterFeatures, ExchangeFeatures, WordFeatures
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes
from envs.heads import Exchange

WEIGHTS, CARD = "evaluator.safetensors", "evaluator.json"
"""The files of an evaluator's folder."""

_PENALTY = 0.3
_NUMBERS = 0.3
"""Length of a standardised number beside 1 for the reply's n-grams."""
_TOLERANCE = 1e-6


class RidgeEvaluator:
    """Predicts heads from n-grams and standardised numbers; ``WordRidge`` and ``CharacterRidge`` say which."""

    features: ClassVar[ExchangeFeatures]

    def __init__(self, heads: Sequence[str], weights: np.ndarray, offsets: np.ndarray, moments: np.ndarray) -> None:
        """Judge with fitted weights; ``fit`` and ``load`` make them.

        Args:
            heads: names of the H heads.
            weights: (buckets + K, H).
            offsets: (H,), the prediction where all features are 0.
            moments: (2, K), mean and deviation of the numbers.
        """
        self.heads = tuple(heads)
        self._weights, self._offsets, self._moments = weights, offsets, moments

    @classmethod
    def fit(cls, exchanges: Sequence[Exchange], labels: np.ndarray, heads: Sequence[str]) -> Self:
        """Ridge regression of ``labels`` (N, heads) on the features of N exchanges; deterministic."""
        features = cls.features
        numbers = features.numbers(exchanges)
        moments = np.stack([numbers.mean(0), np.maximum(numbers.std(0), 1e-6)])
        offsets = labels.mean(0).astype(np.float64)
        model = Ridge(_PENALTY, fit_intercept=False, solver="lsqr", tol=_TOLERANCE)
        model.fit(_matrix(features, exchanges, moments), labels - offsets)
        weights = np.ascontiguousarray(np.reshape(model.coef_, (len(offsets), -1)).T, dtype=np.float64)
        return cls(heads, weights, offsets, moments)

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores (N, heads) of N exchanges, held to [0, 1]."""
        return np.clip(_matrix(self.features, exchanges, self._moments) @ self._weights + self._offsets, 0.0, 1.0)

    def save(self, folder: Path) -> None:
        """Write the evaluator: safetensors and JSON."""
        tensors = {"weights": self._weights, "offsets": self._offsets, "moments": self._moments}
        write_bytes(folder / WEIGHTS, save(tensors))
        card = {"kind": "ridge", "features": self.features.name, "heads": list(self.heads)}
        write_card(folder / CARD, card, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The evaluator of a folder.

        Raises:
            ModelError: the folder holds no evaluator of this form.
        """
        try:
            card = read_card(folder / CARD)
            heads, features = tuple(card["heads"]), card["features"]
            tensors = load_file(folder / WEIGHTS)
            weights, offsets, moments = tensors["weights"], tensors["offsets"], tensors["moments"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no evaluator: {error}. Train it again") from error
        width = cls.features.buckets + moments.shape[-1]
        if features != cls.features.name or weights.shape != (width, len(heads)) or offsets.shape != (len(heads),):
            raise ModelError(f"{folder} holds an evaluator of other features or heads. Train it again")
        return cls(heads, weights, offsets, moments)


class WordRidge(RidgeEvaluator):
    """Reads words; by default it reports."""

    features = WordFeatures()


class CharacterRidge(RidgeEvaluator):
    """Reads characters; by default it selects the policy that a run keeps."""

    features = CharacterFeatures()


def _matrix(features: ExchangeFeatures, exchanges: Sequence[Exchange], moments: np.ndarray) -> csr_matrix:
    """The feature matrix (N, buckets + K) of N exchanges."""
    numbers = _NUMBERS * (features.numbers(exchanges) - moments[0]) / moments[1]
    return csr_matrix(hstack([features.grams(exchanges), csr_matrix(numbers)]))
