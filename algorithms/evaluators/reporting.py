"""A second judge of the heads, of another family than the critic: it reports, nothing trains against it.

BLEU is left out: it is measured against human replies. Ridge regression on hashed word 1- and 2-grams of the reply and
of the context, the reply's length, its sentiment (VADER) and its overlap with the context. Nothing of it is a neural
network, and it learns from dialogues that the critic does not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

from algorithms.evaluators.ngrams import BUCKETS, ngram_matrix, words
from algorithms.readers.sentiment import compound
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes
from envs.film_text.words import repeated_share
from envs.heads import Exchange

WEIGHTS, CARD = "evaluator.safetensors", "evaluator.json"
"""The files of an evaluator's folder."""

DAMPING = 1.0
"""Square root of the ridge penalty."""
_ITERATIONS = 200


class ReportingEvaluator:
    """Predicts the heads from counts of words."""

    def __init__(self, weights: np.ndarray, offsets: np.ndarray, heads: Sequence[str]) -> None:
        """Judge with ``weights`` (features, heads) around ``offsets`` (heads,)."""
        self._weights, self._offsets, self.heads = weights, offsets, tuple(heads)

    @classmethod
    def fit(cls, exchanges: Sequence[Exchange], labels: np.ndarray, heads: Sequence[str]) -> ReportingEvaluator:
        """Ridge regression of ``labels`` (N, heads) on the features of N exchanges; deterministic."""
        offsets, features = labels.mean(0), _features(exchanges)
        columns = [lsqr(features, column, damp=DAMPING, iter_lim=_ITERATIONS)[0] for column in (labels - offsets).T]
        return cls(np.stack(columns, axis=1).astype(np.float64), offsets.astype(np.float64), heads)

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Scores (N, heads) of N exchanges, held to [0, 1]."""
        return np.clip(_features(exchanges) @ self._weights + self._offsets, 0.0, 1.0)

    def save(self, folder: Path) -> None:
        """Write the evaluator: safetensors and JSON."""
        write_bytes(folder / WEIGHTS, save({"weights": self._weights, "offsets": self._offsets}))
        write_card(folder / CARD, {"kind": "ridge", "heads": self.heads, "buckets": BUCKETS}, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> ReportingEvaluator:
        """The evaluator of a folder.

        Raises:
            ModelError: the folder holds no evaluator of this form.
        """
        try:
            heads = tuple(read_card(folder / CARD)["heads"])
            tensors = load_file(folder / WEIGHTS)
            weights, offsets = tensors["weights"], tensors["offsets"]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no reporting evaluator: {error}. Train it again") from error
        if weights.shape != (BUCKETS + _DENSE, len(heads)) or offsets.shape != (len(heads),):
            raise ModelError(f"{folder} holds a reporting evaluator of other features. Train it again")
        return cls(weights, offsets, heads)


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
