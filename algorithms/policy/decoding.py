"""Batched sampling over one KV cache, which is kept for a whole conversation.

Turns of different lengths share the cache. A block is right-padded, its padding is masked out, and every token carries
its own position; so padding costs a cache slot, but never shifts a position. Finished conversations are dropped from
the cache. Sampling inverts the cumulative distribution at one uniform number a token. The caller draws these numbers,
with a generator for each conversation and turn, so a conversation does not depend on the others in its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel

from algorithms.policy.language_model import max_positions, trunk


@dataclass(frozen=True, slots=True)
class SampledReply:
    """One reply: int32 tokens (length,), the end token included where it was sampled, and their log-probabilities."""

    tokens: np.ndarray
    logp: np.ndarray


class ConversationDecoder:
    """Decodes B conversations side by side.

    Args:
        model: a causal language model in eval mode.
        batch: number of conversations B.
    """

    def __init__(self, model: PreTrainedModel, batch: int) -> None:
        """Start B empty conversations."""
        self._trunk, self._head = trunk(model), model.get_output_embeddings()
        self._device = self._head.weight.device  # pyright: ignore[reportOptionalMemberAccess]
        self._cache = DynamicCache(config=model.config)
        self._mask_BT = torch.zeros(batch, 0, dtype=torch.long, device=self._device)
        self._used_B = torch.zeros(batch, dtype=torch.long, device=self._device)
        self._limit = max_positions(model)

    @property
    def used(self) -> list[int]:
        """The number of positions that each conversation uses."""
        return self._used_B.tolist()

    def keep(self, rows: Sequence[int]) -> None:
        """Keep only these rows, in this order."""
        index = torch.as_tensor(list(rows), dtype=torch.long, device=self._device)
        self._cache.batch_select_indices(index)
        self._mask_BT, self._used_B = self._mask_BT[index], self._used_B[index]

    @torch.inference_mode()
    def extend(self, blocks: Sequence[np.ndarray]) -> torch.Tensor:
        """Read one block of tokens for each conversation.

        Args:
            blocks: B arrays of tokens, none empty.

        Returns:
            The hidden state of each block's last token, shape (B, width).

        Raises:
            ValueError: a block is empty, or a conversation would exceed the model's positions.
        """
        lengths = [len(block) for block in blocks]
        if min(lengths) == 0:
            raise ValueError("an observation without tokens cannot be decoded; every turn carries its markers")
        longest = max(lengths)
        ids = torch.zeros(len(blocks), longest, dtype=torch.long)
        for row, block in enumerate(blocks):
            ids[row, : len(block)] = torch.from_numpy(np.asarray(block, dtype=np.int64))
        count = torch.tensor(lengths, device=self._device)
        steps = torch.arange(longest, device=self._device)[None]
        valid = (steps < count[:, None]).long()
        # Padding is never attended to: its position only has to be a valid index.
        position = torch.where(valid.bool(), self._used_B[:, None] + steps, 0)
        hidden = self._forward(ids.to(self._device), valid, position)
        self._used_B = self._used_B + count
        return hidden[torch.arange(len(blocks), device=self._device), count - 1]

    @torch.inference_mode()
    def sample(
        self,
        hidden: torch.Tensor,
        uniforms: np.ndarray,
        *,
        end: int,
        temperature: float | np.ndarray = 1.0,
        last: bool = False,
    ) -> list[SampledReply]:
        """Sample one reply for each conversation, until its end token or the token limit.

        Args:
            hidden: the hidden states that ``extend`` returned, shape (B, width).
            uniforms: numbers in [0, 1), shape (B, max_new); column t decides token t.
            end: the token that ends a reply; it belongs to the reply.
            temperature: divides the logits; nothing else shapes the distribution. One number, or one a row, shape (B,).
            last: whether no turn follows. Then conversations leave the cache as they end, and the decoder cannot
                continue.

        Returns:
            B replies; log-probabilities are those of the tempered distribution.
        """
        uniform_BT = torch.from_numpy(uniforms).to(self._device)
        divisor_B1 = torch.as_tensor(temperature, dtype=torch.float32, device=self._device).reshape(-1, 1)
        divisor_B1 = divisor_B1.expand(len(uniforms), 1)
        token_BT = torch.full(uniforms.shape, -1, device=self._device)
        logp_BT = torch.zeros(uniforms.shape, device=self._device)
        rows = torch.arange(len(uniforms), device=self._device)
        alive = torch.ones(len(uniforms), dtype=torch.bool, device=self._device)
        for step in range(uniforms.shape[1]):
            logits = self._head(hidden).float() / divisor_B1[rows]  # pyright: ignore[reportOptionalCall]
            token = draw(logits, uniform_BT[rows, step])
            token_BT[rows, step] = torch.where(alive, token, -1)
            logp_BT[rows, step] = logits.gather(1, token[:, None])[:, 0] - torch.logsumexp(logits, -1)
            if last and bool((token == end).any()):
                kept = (token != end).nonzero()[:, 0]
                self.keep(kept.tolist())
                rows, token, alive = rows[kept], token[kept], alive[kept]
            if len(rows) == 0:
                break
            valid = alive.long()[:, None]
            # The last token enters the cache too: the next turn attends to it.
            position = torch.where(alive, self._used_B, 0)[:, None]
            hidden = self._forward(torch.where(alive, token, 0)[:, None], valid, position)[:, 0]
            self._used_B = self._used_B + valid[:, 0]
            alive = alive & (token != end)
            if not bool(alive.any()):
                break
        lengths = (token_BT >= 0).sum(1).tolist()
        return [
            SampledReply(row[:n].astype(np.int32), logp[:n].astype(np.float32))
            for row, logp, n in zip(token_BT.cpu().numpy(), logp_BT.cpu().numpy(), lengths, strict=True)
        ]

    def _forward(self, ids: torch.Tensor, valid: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        if int(position.max()) >= self._limit:
            raise ValueError(f"a conversation passes the model's {self._limit} positions; it had to be truncated")
        self._mask_BT = torch.cat([self._mask_BT, valid], 1)
        return self._trunk(
            input_ids=ids,
            attention_mask=self._mask_BT,
            position_ids=position,
            past_key_values=self._cache,
            use_cache=True,
        ).last_hidden_state


def draw(logits: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Draw one token a row by inversion: the first whose cumulative probability exceeds the uniform number.

    Args:
        logits: (B, vocabulary), float32.
        uniform: (B,), in [0, 1).

    Returns:
        Token ids (B,); a token of probability 0 is never drawn.
    """
    # The sum is in float64, since float32 would lose the tail of 50k tokens.
    cumulative = torch.softmax(logits, -1).cumsum(-1, dtype=torch.float64)
    threshold = uniform.double()[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True)[:, 0].clamp(max=logits.shape[1] - 1)
