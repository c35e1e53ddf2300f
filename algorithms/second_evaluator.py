"""A second judge of overall quality, of another family than the critic: it reports, nothing trains against it.

Ridge regression on hashed word 1- and 2-grams of the reply and of the context, the reply's length, its sentiment
(VADER) and its overlap with the context. Nothing of it is a neural network, and it learns from dialogues that the
critic does not see.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

from algorithms.ngrams import BUCKETS, ngram_matrix, words
from algorithms.sentiment import compound
from envs.errors import ModelError
from envs.files import write_bytes, write_json
from envs.heads import Exchange
from envs.words import repeated_share

WEIGHTS, CARD = "evaluator.safetensors", "evaluator.json"
"""The files of an evaluator's folder."""

DAMPING = 1.0
"""Square root of the ridge penalty."""
_ITERATIONS = 200


class SecondEvaluator:
    """Predicts the overall head from counts of words."""

    def __init__(self, weights: np.ndarray, offset: float) -> None:
        """Judge with ``weights`` of shape (features,) around ``offset``."""
        self._weights, self._offset = weights, offset

    @classmethod
    def fit(cls, exchanges: Sequence[Exchange], labels: np.ndarray) -> SecondEvaluator:
        """Ridge regression of ``labels`` (N,) on the features of N exchanges; deterministic."""
        offset = float(labels.mean())
        solution = lsqr(_features(exchanges), labels - offset, damp=DAMPING, iter_lim=_ITERATIONS)
        return cls(np.asarray(solution[0], dtype=np.float64), offset)

    def overall(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Overall quality (N,) of N exchanges, held to [0, 1]."""
        return np.clip(_features(exchanges) @ self._weights + self._offset, 0.0, 1.0)

    def save(self, folder: Path) -> None:
        """Write the evaluator: safetensors and JSON."""
        write_bytes(folder / WEIGHTS, save({"weights": self._weights}))
        write_json(folder / CARD, {"kind": "ridge", "offset": self._offset, "buckets": BUCKETS})

    @classmethod
    def load(cls, folder: Path) -> SecondEvaluator:
        """The evaluator of a folder.

        Raises:
            ModelError: the folder holds no evaluator of this form.
        """
        try:
            weights = load_file(folder / WEIGHTS)["weights"]
            offset = float(json.loads((folder / CARD).read_text(encoding="utf-8"))["offset"])
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no second evaluator: {error}. Train it again") from error
        if weights.shape != (BUCKETS + _DENSE,):
            raise ModelError(
                f"{folder / WEIGHTS} has {weights.shape[0]} features, not {BUCKETS + _DENSE}. Train it again"
            )
        return cls(weights, offset)


_DENSE = 6


def _features(exchanges: Sequence[Exchange]) -> csr_matrix:
    """The feature matrix (N, buckets + dense) of N exchanges."""
    dense = np.array([_dense(exchange) for exchange in exchanges]).reshape(len(exchanges), _DENSE)
    return ngram_matrix(exchanges, dense)


def _dense(exchange: Exchange) -> list[float]:
    """Length, log length, sentiment, questions, overlap with the context, share of repeated bigrams."""
    reply = words(exchange.reply)
    context = {word for turn in exchange.context[-2:] for word in words(turn.text)}
    repeated = repeated_share(list(pairwise(reply)))
    overlap = len(set(reply) & context) / max(1, len(set(reply)))
    length = len(reply)
    asks = float("?" in reply)
    return [length / 20, float(np.log1p(length)), compound(exchange.reply), asks, overlap, 3 * repeated]
