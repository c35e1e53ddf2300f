"""Multi-label logistic regression on a frozen sentence embedding and hashed words: small, fast, repeatable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from algorithms.readers.hashed_words import bag_sums, empty_bag, gram_buckets
from algorithms.readers.sentence_sources import load_sentences
from algorithms.readers.sentences import SentenceEncoder
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes

WEIGHTS, CARD = "classifier.safetensors", "classifier.json"
_EPOCHS, _STEPS, _BATCH, _RATE, _DECAY = 6, 600, 256, 5e-3, 1e-5
"""Epochs and steps are the fewest of each: little data is seen more often."""
_SCALE = 4.0
"""Embeddings have unit length; so long they learn at the pace of the words."""


class TextClassifier:
    """Probabilities of labels that do not exclude each other."""

    def __init__(self, labels: Sequence[str], sentences: SentenceEncoder) -> None:
        """An untrained classifier of these labels that reads texts with ``sentences``."""
        self.labels, self._sentences = tuple(labels), sentences
        self._network = nn.ModuleDict(
            {
                "words": empty_bag(len(self.labels)),
                "sentence": nn.Linear(sentences.width, len(self.labels)),
            }
        )

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        targets: np.ndarray,
        labels: Sequence[str],
        sentences: SentenceEncoder,
        seed: int = 0,
    ) -> TextClassifier:
        """Learn from N texts and their labels (N, labels) bool; the same seed gives the same weights."""
        made = cls(labels, sentences)
        order = torch.Generator().manual_seed(seed)
        nn.init.zeros_(made._linear.weight)
        rates = torch.from_numpy(targets.astype(np.float32)).mean(0)
        with torch.no_grad():
            made._linear.bias.copy_(torch.logit(rates, eps=1e-4))
        vectors, grams, wanted = (
            made._vectors(texts),
            [gram_buckets(text) for text in texts],
            torch.from_numpy(targets).float(),
        )
        optimizer = torch.optim.Adam(made._network.parameters(), lr=_RATE, weight_decay=_DECAY)
        batches = -(-len(texts) // _BATCH)
        epochs = max(_EPOCHS, -(-_STEPS // batches))
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, epochs * batches)
        for _ in range(epochs):
            for rows in torch.randperm(len(texts), generator=order).split(_BATCH):
                logits = made._logits(vectors[rows], [grams[row] for row in rows.tolist()])
                loss = nn.functional.binary_cross_entropy_with_logits(logits, wanted[rows], reduction="none").sum(1)
                optimizer.zero_grad(set_to_none=True)
                loss.mean().backward()
                optimizer.step()
                schedule.step()
        return made

    @torch.inference_mode()
    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (N, labels) float32 of N texts."""
        if not texts:
            return np.zeros((0, len(self.labels)), dtype=np.float32)
        return torch.sigmoid(self._logits(self._vectors(texts), [gram_buckets(text) for text in texts])).numpy()

    def save(self, folder: Path) -> None:
        """Write the classifier: safetensors and JSON."""
        weights = {name: tensor.detach().contiguous() for name, tensor in self._network.state_dict().items()}
        write_bytes(folder / WEIGHTS, save(weights))
        write_card(folder / CARD, {"labels": list(self.labels), "sentences": self._sentences.name}, WEIGHTS)

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
            if sentences is None or sentences.name != card["sentences"]:
                sentences = load_sentences(card["sentences"])
            made = cls(card["labels"], sentences)
            made._network.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no text classifier: {error}. Fit it again") from error
        return made

    @property
    def _words(self) -> nn.EmbeddingBag:
        found = self._network["words"]
        assert isinstance(found, nn.EmbeddingBag)
        return found

    @property
    def _linear(self) -> nn.Linear:
        found = self._network["sentence"]
        assert isinstance(found, nn.Linear)
        return found

    def _vectors(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.from_numpy(np.asarray(self._sentences.embed(texts), dtype=np.float32)) * _SCALE

    def _logits(self, vectors: torch.Tensor, grams: Sequence[list[int]]) -> torch.Tensor:
        return self._linear(vectors) + bag_sums(self._words, grams)
