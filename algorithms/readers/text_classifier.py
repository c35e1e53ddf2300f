"""Multi-label logistic regression on hashed words and, where one is given, a frozen sentence embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from algorithms.readers.hashed_grams import HashedGrams
from algorithms.readers.sentence_sources import load_sentences
from algorithms.readers.sentences import SentenceEncoder
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes

WEIGHTS, CARD = "classifier.safetensors", "classifier.json"
_BUCKETS = 2**16
_WORDS, _SENTENCE = 2.0, 2.0
"""Lengths of a text's row of words and of its embedding, under one penalty."""
_RARE = 1e-4
"""Probability of a label that no training text has; one that every text has gets 1 minus this."""


class TextClassifier:
    """Probabilities of labels that do not exclude each other."""

    def __init__(
        self, labels: Sequence[str], sentences: SentenceEncoder | None, weights: np.ndarray, offsets: np.ndarray
    ) -> None:
        """Classify with fitted weights; ``fit`` and ``load`` make them.

        Args:
            labels: the names.
            sentences: embeds texts; None reads words alone.
            weights: (features, labels) float32, the words' buckets before the embedding.
            offsets: (labels,) float32.
        """
        self.labels, self._sentences = tuple(labels), sentences
        self._weights, self._offsets = weights, offsets

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        targets: np.ndarray,
        labels: Sequence[str],
        sentences: SentenceEncoder | None = None,
        seed: int = 0,
    ) -> TextClassifier:
        """Learn from N texts and their labels (N, labels) bool; ``seed`` is the solver's."""
        features = _features(texts, sentences)
        weights = np.zeros((features.get_shape()[1], len(labels)), dtype=np.float32)
        offsets = np.zeros(len(labels), dtype=np.float32)
        for column, target in enumerate(targets.T):
            if target.any() and not target.all():
                model = LogisticRegression(solver="liblinear", random_state=seed).fit(features, target)
                weights[:, [column]], offsets[[column]] = model.coef_.T, model.intercept_
            else:
                offsets[column] = logit(1.0 - _RARE if target.any() else _RARE)
        return cls(labels, sentences, weights, offsets)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (N, labels) float32 of N texts."""
        return expit(_features(texts, self._sentences) @ self._weights + self._offsets)

    def save(self, folder: Path) -> None:
        """Write the classifier: safetensors and JSON."""
        write_bytes(folder / WEIGHTS, save({"weights": self._weights, "offsets": self._offsets}))
        sentences = self._sentences and self._sentences.name
        write_card(folder / CARD, {"labels": list(self.labels), "sentences": sentences}, WEIGHTS)

    @classmethod
    def load(cls, folder: Path, sentences: SentenceEncoder | None = None) -> TextClassifier:
        """The classifier of a folder.

        Args:
            folder: as ``save`` left it.
            sentences: the encoder that it was fitted with, where it is loaded already.

        Raises:
            ModelError: the folder holds no classifier.
        """
        try:
            card = read_card(folder / CARD)
            labels, source = tuple(card["labels"]), card["sentences"]
            tensors = load_file(folder / WEIGHTS)
            weights, offsets = tensors["weights"], tensors["offsets"]
            if source is None:
                sentences = None
            elif sentences is None or sentences.name != source:
                sentences = load_sentences(source)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no text classifier: {error}. Fit it again") from error
        width = _BUCKETS + (sentences.width if sentences else 0)
        if weights.shape != (width, len(labels)) or offsets.shape != (len(labels),):
            raise ModelError(f"{folder} holds a text classifier of other features or labels. Fit it again")
        return cls(labels, sentences, weights, offsets)


def label_f1(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """F1 of each label, (labels,), of two (N, labels) bool arrays; 0 where none is found rightly."""
    if not len(truth):
        return np.zeros(truth.shape[1])
    return np.asarray(f1_score(truth, found, average=None, zero_division=0.0))  # pyright: ignore[reportArgumentType]


_GRAMS = HashedGrams.of_words(_BUCKETS)


def _features(texts: Sequence[str], sentences: SentenceEncoder | None) -> csr_matrix:
    """Float32 features of N texts: (N, buckets), or (N, buckets + width) with an encoder."""
    words = csr_matrix(_WORDS * _GRAMS.of(texts), dtype=np.float32)
    if sentences is None:
        return words
    vectors = _SENTENCE * np.asarray(sentences.embed(texts), dtype=np.float32)
    return csr_matrix(hstack([words, csr_matrix(vectors)]))
