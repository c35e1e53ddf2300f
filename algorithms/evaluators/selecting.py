"""The evaluator that chooses checkpoints: it neither trains a policy nor reports on one.

Ridge regression on characters instead of words: hashed character 3- to 5-grams of the reply and of the last turn before
it, each text's at length 1 in all, and eight counts. Critic and reporting evaluator read none of these, and it learns
from dialogues that the critic does not see.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix, hstack
from scipy.sparse.linalg import lsqr

from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes
from envs.heads import Exchange

WEIGHTS, CARD = "selecting_evaluator.safetensors", "selecting_evaluator.json"
"""The files of its folder."""

BUCKETS = 2**15
"""Hash buckets of the reply's n-grams; as many for the turn before it, then the counts."""
_COUNTS = 8
_FEATURES = 2 * BUCKETS + _COUNTS
_GRAMS = (3, 4, 5)
_LONGEST = 1000
"""Characters read of a text."""
_CONTEXT_SHARE, _COUNT_SHARE = 0.5, 0.3
"""Length of the context's n-grams, and of a standardised count, beside 1 for the reply's n-grams."""
_DAMPING = 1.0
"""Square root of the ridge penalty."""
_ITERATIONS = 200
_WORD, _YEAR = re.compile(r"\w+"), re.compile(r"\(\d{4}\)")


class SelectingEvaluator:
    """Predicts the overall head from characters and counts."""

    def __init__(self, weights: np.ndarray, counts: np.ndarray, offset: float) -> None:
        """Judge with ``weights`` (features,) around ``offset``; ``counts`` (2, 8): mean and deviation of the counts."""
        self._weights, self._counts, self._offset = weights, counts, offset

    @classmethod
    def fit(cls, exchanges: Sequence[Exchange], labels: np.ndarray) -> SelectingEvaluator:
        """Ridge regression of ``labels`` (N,) on the features of N exchanges; deterministic."""
        raw = _count(exchanges)
        counts = np.stack([raw.mean(0), np.maximum(raw.std(0), 1e-6)])
        offset = float(labels.mean())
        solution = lsqr(_features(exchanges, counts), labels - offset, damp=_DAMPING, iter_lim=_ITERATIONS)
        return cls(np.asarray(solution[0], dtype=np.float64), counts, offset)

    def overall(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Overall quality (N,) of N exchanges, held to [0, 1]."""
        return np.clip(_features(exchanges, self._counts) @ self._weights + self._offset, 0.0, 1.0)

    def save(self, folder: Path) -> None:
        """Write the evaluator: safetensors and JSON."""
        write_bytes(folder / WEIGHTS, save({"weights": self._weights, "counts": self._counts}))
        write_card(folder / CARD, {"kind": "character ridge", "offset": self._offset, "buckets": BUCKETS}, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> SelectingEvaluator:
        """The evaluator of a folder.

        Raises:
            ModelError: the folder holds no evaluator of this form.
        """
        try:
            offset = float(read_card(folder / CARD)["offset"])
            tensors = load_file(folder / WEIGHTS)
            weights, counts = tensors["weights"], tensors["counts"]
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no selecting evaluator: {error}. Train it again") from error
        if weights.shape != (_FEATURES,) or counts.shape != (2, _COUNTS):
            raise ModelError(f"{folder} holds a selecting evaluator of other features. Train it again")
        return cls(weights, counts, offset)


def _features(exchanges: Sequence[Exchange], counts: np.ndarray) -> csr_matrix:
    """The feature matrix (N, features) of N exchanges."""
    columns: list[int] = []
    values: list[float] = []
    starts = [0]
    for exchange in exchanges:
        reply = sorted(_buckets(exchange.reply))
        before = sorted(BUCKETS + bucket for bucket in _buckets(_last_turn(exchange)))
        columns += [*reply, *before]
        values += [1.0 / np.sqrt(max(1, len(reply)))] * len(reply)
        values += [_CONTEXT_SHARE / np.sqrt(max(1, len(before)))] * len(before)
        starts.append(len(columns))
    grams = csr_matrix((values, columns, starts), shape=(len(exchanges), 2 * BUCKETS))
    standard = _COUNT_SHARE * (_count(exchanges) - counts[0]) / counts[1]
    return csr_matrix(hstack([grams, csr_matrix(standard)]))


def _buckets(text: str) -> set[int]:
    spaced = f" {' '.join(text.lower().split())[:_LONGEST]} "
    grams = {spaced[start : start + size] for size in _GRAMS for start in range(len(spaced) - size + 1)}
    return {zlib.crc32(gram.encode("utf-8", "replace")) % BUCKETS for gram in grams}


def _count(exchanges: Sequence[Exchange]) -> np.ndarray:
    """Of each exchange, (N, 8).

    Words and their logarithm, the share of distinct words, questions, exclamations, whether it is finished, the share
    that the last turn holds too, whether a year in brackets tells of a film.
    """
    rows = []
    for exchange in exchanges:
        reply = exchange.reply[:_LONGEST]
        words = _WORD.findall(reply.lower())
        distinct, said = set(words), set(_WORD.findall(_last_turn(exchange)[:_LONGEST].lower()))
        rows.append(
            [
                min(len(words), 60) / 20,
                np.log1p(len(words)),
                len(distinct) / max(1, len(words)),
                min(2, reply.count("?")),
                min(3, reply.count("!")),
                float(reply.rstrip()[-1:] in tuple(".?!)")),
                len(distinct & said) / max(1, len(distinct)),
                float(bool(_YEAR.search(reply))),
            ]
        )
    return np.array(rows, dtype=np.float64).reshape(len(rows), _COUNTS)


def _last_turn(exchange: Exchange) -> str:
    return exchange.context[-1].text if exchange.context else ""
