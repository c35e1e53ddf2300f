"""Texts as vectors from a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoModel

from algorithms.model_files import ModelFiles, load_model, load_plain_tokenizer, require_rows
from algorithms.model_shapes import config_positions, layer_config
from algorithms.packaged_models import MINILM, best_device, packaged_minilm
from algorithms.readers.hashed_grams import LONGEST
from algorithms.readers.sentences import unit
from envs.errors import ModelError

_REMEMBERED = 200_000
_PADDING_POSITIONS = 2
"""RoBERTa reserves two of its positions for padding."""


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
        remedy = "Use words, minilm, a folder or a hub id"
        with ModelFiles(folder, f"sentence encoder {source!r} cannot be loaded", remedy):
            self._model = load_model(AutoModel, folder, dtype=torch.float32).eval()
            self._tokenizer = load_plain_tokenizer(folder, remedy)
            require_rows(self._model, self._tokenizer.get_vocab().values())
        if self._model.config.is_encoder_decoder:
            raise ModelError(f"sentence encoder {source!r} is an encoder with a decoder. {remedy}")
        if self._tokenizer.pad_token_id is None:
            raise ModelError(f"sentence encoder {source!r} lacks a padding token. {remedy}")
        self._model.to(best_device())  # pyright: ignore[reportArgumentType]
        self.name, self.width = source, int(layer_config(self._model.config).hidden_size)
        self._batch = batch
        self._max_tokens = min(max_tokens, config_positions(self._model.config) - _PADDING_POSITIONS)
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
