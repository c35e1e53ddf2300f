"""How much a context tells of a reply: pointwise mutual information by a language model that nothing here trained.

``PMI(reply; context) = (log p(reply | context) - log p(reply)) / tokens``, in nats a token (Li et al., NAACL 2016,
section 4: maximum mutual information for conversation). A reply that would do anywhere has about 0; no judge's opinion
is in its ancestry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from algorithms.packaged_models import SMOLLM2, best_device, packaged_smollm2
from algorithms.policy.language_model import load_causal_lm, max_positions
from algorithms.policy.text import load_unmarked_tokenizer
from envs.catalog import Catalog
from envs.dialogue import MENTION, Role
from envs.errors import ModelError
from envs.film_text.markup import MOVIE
from envs.heads import Exchange

_BATCH = 8
_CONTEXT, _REPLY = 256, 128
"""Tokens of a context, cut from the left, and of a reply, cut from the right, at most."""
_SHORTEST_CONTEXT = 32
"""A model that has no positions for so much of a context beside a reply is refused."""
_SPEAKER = {Role.SEEKER: "Seeker", Role.RECOMMENDER: "Recommender"}


class ContextInformation:
    """Measures the PMI of replies and their contexts."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """Measure with this causal model, put into evaluation mode.

        Raises:
            ModelError: the model has too few positions for a reply in its context.
        """
        self._model, self._tokenizer = model.eval(), tokenizer
        self._context = min(_CONTEXT, max_positions(model) - _REPLY)
        if self._context < _SHORTEST_CONTEXT:
            raise ModelError(
                f"{type(model).__name__} has {max_positions(model)} positions, and the PMI of a reply in its context "
                f"needs {_SHORTEST_CONTEXT + _REPLY}. Choose another language_model"
            )

    @classmethod
    def load(cls, source: str, cache: Path) -> ContextInformation:
        """With ``smollm2`` (packaged), a folder or a hub id.

        Raises:
            ModelError: nothing loadable is there.
        """
        folder = str(packaged_smollm2(cache)) if source == SMOLLM2 else source
        return cls(load_causal_lm(folder, device=best_device()), load_unmarked_tokenizer(folder))

    def of(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """PMI (N,) of N exchanges, in nats a token; NaN for a reply without text, 0 without a context."""
        replies = [
            self._ids(f" {exchange.reply.strip()}")[:_REPLY] if exchange.reply.strip() else [] for exchange in exchanges
        ]
        alone = self._nats([self._ids(_prompt(())) for _ in exchanges], replies)
        known = self._nats([self._ids(_prompt(exchange.context))[-self._context :] for exchange in exchanges], replies)
        tokens = np.array([len(reply) for reply in replies], dtype=np.float64)
        return np.where(tokens > 0, (alone - known) / np.maximum(tokens, 1.0), np.nan)

    def _ids(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]  # pyright: ignore

    @torch.inference_mode()
    def _nats(self, prompts: Sequence[list[int]], replies: Sequence[list[int]]) -> np.ndarray:
        """-log p (N,) of the replies after their prompts."""
        nats = np.zeros(len(replies))
        rows = [
            row for row in np.argsort([len(p) + len(r) for p, r in zip(prompts, replies, strict=True)]) if replies[row]
        ]
        for start in range(0, len(rows), _BATCH):
            chosen = rows[start : start + _BATCH]
            whole = [torch.tensor(prompts[row] + replies[row]) for row in chosen]
            # No mask: padding stands on the right, where a causal model's real tokens never look.
            ids = torch.nn.utils.rnn.pad_sequence(whole, batch_first=True).to(self._model.device)
            logits: Any = self._model(input_ids=ids, use_cache=False).logits
            for index, row in enumerate(chosen):
                first, last = len(prompts[row]), len(prompts[row]) + len(replies[row])
                said = logits[index, first - 1 : last - 1].float()
                nats[row] = float(cross_entropy(said, ids[index, first:last], reduction="sum"))
        return nats


def titles_as_slots(exchange: Exchange, catalog: Catalog) -> Exchange:
    """The exchange with ``<movie>`` for each title that the catalogue finds, in the context and in the reply.

    A title is rare and the context seldom foretells it, so each one that a reply names lowers its PMI; as a slot it
    counts like a word of the conversation. A context keeps the slots of its titles: a reply that names a film where
    films are spoken of fits there.
    """
    context = tuple(replace(turn, text=_slotted(turn.text, catalog)) for turn in exchange.context)
    return Exchange(context, _slotted(exchange.reply, catalog))


def _slotted(text: str, catalog: Catalog) -> str:
    return MENTION.sub(MOVIE, catalog.link(text))


def _prompt(context: Sequence[Any]) -> str:
    lines = [f"{_SPEAKER[turn.role]}: {turn.text}\n" for turn in context]
    return "".join([*lines, "Recommender:"])
