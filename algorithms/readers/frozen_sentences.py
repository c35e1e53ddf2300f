"""Texts as vectors from a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoTokenizer

from algorithms.packaged_models import MINILM, best_device, packaged_minilm
from algorithms.readers.hashed_grams import LONGEST
from algorithms.readers.sentences import unit
from envs.errors import ModelError

_REMEMBERED = 200_000


class FrozenSentences:
    """A frozen encoder's hidden states, averaged over a text's tokens."""

    def __init__(self, source: str = MINILM, batch: int = 64, max_tokens: int = 64) -> None:
        """Load the encoder.

        Args:
            source: ``minilm`` (packaged), a folder or a hub id.
            batch: texts of a forward pass.
            max_tokens: a text is cut to this many tokens.

        Raises:
            ModelError: the encoder cannot be loaded.
        """
        folder = packaged_minilm() if source == MINILM else source
        try:
            self._model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32).eval()
            self._tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
        except (OSError, ValueError, SafetensorError) as error:
            raise ModelError(
                f"sentence encoder {source!r} cannot be loaded: {error}. Use words, minilm, a folder or a hub id"
            ) from error
        self._model.to(best_device())
        self.name, self.width = source, int(self._model.config.hidden_size)
        self._batch, self._max_tokens = batch, max_tokens
        self._known: dict[str, np.ndarray] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors (N, width) float32 of unit length; zeros for a text without words. Results are cached."""
        short = [text[:LONGEST].encode("utf-8", "replace").decode() for text in texts]
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        new = sorted({text for text in short if text.strip()} - self._known.keys(), key=lambda text: (len(text), text))
        for first in range(0, len(new), self._batch):
            part = new[first : first + self._batch]
            self._known.update(zip(part, self._vectors(part), strict=True))
        empty = np.zeros(self.width, dtype=np.float32)
        return np.stack([self._known.get(text, empty) for text in short]) if short else np.zeros((0, self.width))

    @torch.inference_mode()
    def _vectors(self, texts: list[str]) -> np.ndarray:
        batch = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt"
        ).to(self._model.device)
        hidden = self._model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        return unit(((hidden * mask).sum(1) / mask.sum(1)).float().cpu().numpy())
