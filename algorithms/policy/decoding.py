"""Batched sampling over one KV cache, which is kept for a whole conversation.

Turns of different lengths share the cache. A block is right-padded, its padding is masked out, and every token carries
its own position. After each turn a row's padding moves to its left end. So a token is as many slots as positions away
from any other of its conversation, also for models that look back over a window of slots (Mistral, Gemma, Phi-3).
Finished conversations are dropped from the cache. Sampling inverts the cumulative distribution at one uniform number a
token. The caller draws these numbers, with a generator for each conversation and turn, so a conversation does not
depend on the others in its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DynamicCache, PreTrainedModel

from algorithms.policy.language_model import chosen_logits, max_positions
from envs.errors import ModelError
from envs.marks import LEAST_TEMPERATURE

_PROBE, _FIRST_PROBE = ((4, 2), (1, 5), (3, 1)), 5
"""Tokens of each turn of two conversations that try a model, and the id of the first."""
_GAP, _GAP_OF_SHORT_FLOATS = 1e-2, 0.5
"""The largest difference of log-probabilities, in nats, that rounding makes."""
_FAILED_FORWARD = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RuntimeError,
)
"""What a model's forward raises for what it does not take."""
_ATTENTION_ALONE = "Choose a decoder with attention in every layer, such as a Llama, Qwen 2 or GPT-2"


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
        self._model, self._device = model, model.device
        self._cache = DynamicCache()
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
            The logits that each block's last token gives, shape (B, vocabulary).

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
        logits = self._forward(ids.to(self._device), valid, position, count - 1)
        self._used_B = self._used_B + count
        self._move_padding_left()
        return logits

    @torch.inference_mode()
    def sample(
        self,
        logits: torch.Tensor,
        uniforms: np.ndarray,
        *,
        end: int,
        temperature: float | np.ndarray = 1.0,
        last: bool = False,
    ) -> list[SampledReply]:
        """Sample one reply for each conversation, until its end token or the token limit.

        Args:
            logits: what ``extend`` returned, shape (B, vocabulary).
            uniforms: numbers in [0, 1), shape (B, max_new); column t decides token t.
            end: the token that ends a reply; it belongs to the reply.
            temperature: divides the logits; nothing else shapes the distribution. One number, or one a row, shape (B,);
                at least ``LEAST_TEMPERATURE``.
            last: whether no turn follows. Then conversations leave the cache as they end, and the decoder cannot
                continue.

        Returns:
            B replies; log-probabilities are those of the tempered distribution.

        Raises:
            ValueError: a temperature is below ``LEAST_TEMPERATURE``, or no number.
        """
        if not (np.asarray(temperature) >= LEAST_TEMPERATURE).all():
            raise ValueError(f"a temperature is at least {LEAST_TEMPERATURE}, not {np.min(temperature)}")
        uniform_BT = torch.from_numpy(uniforms).to(self._device)
        divisor_B1 = torch.as_tensor(temperature, dtype=torch.float32, device=self._device).reshape(-1, 1)
        divisor_B1 = divisor_B1.expand(len(uniforms), 1)
        token_BT = torch.full(uniforms.shape, -1, device=self._device)
        logp_BT = torch.zeros(uniforms.shape, device=self._device)
        rows = torch.arange(len(uniforms), device=self._device)
        alive = torch.ones(len(uniforms), dtype=torch.bool, device=self._device)
        for step in range(uniforms.shape[1]):
            tempered = logits.float() / divisor_B1[rows]
            token = draw(tempered, uniform_BT[rows, step])
            token_BT[rows, step] = torch.where(alive, token, -1)
            logp_BT[rows, step] = tempered.gather(1, token[:, None])[:, 0] - torch.logsumexp(tempered, -1)
            if last and bool((token == end).any()):
                kept = (token != end).nonzero()[:, 0]
                self.keep(kept.tolist())
                rows, token, alive = rows[kept], token[kept], alive[kept]
            if len(rows) == 0:
                break
            valid = alive.long()[:, None]
            # The last token enters the cache too: the next turn attends to it.
            position = torch.where(alive, self._used_B, 0)[:, None]
            logits = self._forward(torch.where(alive, token, 0)[:, None], valid, position, torch.zeros_like(token))
            self._used_B = self._used_B + valid[:, 0]
            alive = alive & (token != end)
            if not bool(alive.any()):
                break
        if not last:
            self._move_padding_left()
        lengths = (token_BT >= 0).sum(1).tolist()
        return [
            SampledReply(row[:n].astype(np.int32), logp[:n].astype(np.float32))
            for row, logp, n in zip(token_BT.cpu().numpy(), logp_BT.cpu().numpy(), lengths, strict=True)
        ]

    def _forward(
        self, ids: torch.Tensor, valid: torch.Tensor, position: torch.Tensor, wanted_B: torch.Tensor
    ) -> torch.Tensor:
        """Read one block, and return the logits (B, vocabulary) after the block's token ``wanted_B`` of each row."""
        if int(position.max()) >= self._limit:
            raise ValueError(f"a conversation passes the model's {self._limit} positions; it had to be truncated")
        self._mask_BT = torch.cat([self._mask_BT, valid], 1)
        _, logits = chosen_logits(
            self._model,
            lambda hidden: hidden[torch.arange(len(ids), device=self._device), wanted_B],
            input_ids=ids,
            attention_mask=self._mask_BT,
            position_ids=position,
            past_key_values=self._cache,
            use_cache=True,
        )
        return logits

    def _move_padding_left(self) -> None:
        """Reorder each row's slots of the cache: padding first, then the conversation; drop padding of all rows."""
        longest = int(self._mask_BT.sum(1).max()) if len(self._mask_BT) else 0
        if bool(self._mask_BT[:, -longest:].all()) and longest == self._mask_BT.shape[1]:
            return
        order_BT = torch.argsort(self._mask_BT, dim=1, stable=True)[:, -longest:]
        self._mask_BT = self._mask_BT.gather(1, order_BT)
        layers: list[Any] = self._cache.layers
        for layer in layers:
            if layer.get_seq_length() > 0:
                layer.keys, layer.values = _take_slots(layer.keys, order_BT), _take_slots(layer.values, order_BT)


def _take_slots(cached: torch.Tensor, order_BT: torch.Tensor) -> torch.Tensor:
    """From a cache's tensor (batch, heads, slots, size) the slots ``order_BT`` of each row, in that order."""
    batch, heads, slots, size = cached.shape
    starts = torch.arange(batch * heads, device=cached.device)[:, None] * slots
    # One index_select over all rows is several times faster than indexing each row's slots.
    index = (starts + order_BT.repeat_interleave(heads, 0)).reshape(-1)
    return cached.reshape(-1, size).index_select(0, index).view(batch, heads, -1, size)


@torch.inference_mode()
def require_exact_decoding(model: PreTrainedModel, name: str) -> None:
    """Refuse a model that samples from another distribution than its plain forward gives.

    Two short conversations of unequal length are read turn by turn, and at once. A model with a recurrent state (Mamba,
    RWKV) reads the padding between the turns; others take no positions from outside.

    Args:
        model: the model; it is in eval mode afterwards.
        name: for the message.

    Raises:
        ModelError: the model is refused.
    """
    model.eval()
    decoder, whole, said = ConversationDecoder(model, 2), ([], []), torch.zeros(0)
    ids = iter(range(_FIRST_PROBE, _FIRST_PROBE + sum(map(sum, _PROBE))))
    try:
        for lengths in _PROBE:
            blocks = [np.array([next(ids) for _ in range(length)]) for length in lengths]
            said = torch.log_softmax(decoder.extend(blocks).float(), -1)
            for row, block in zip(whole, blocks, strict=True):
                row.extend(block.tolist())
        plain = [model(input_ids=torch.tensor([row], device=model.device)).logits[0, -1].float() for row in whole]
    except _FAILED_FORWARD as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{name} cannot hold conversations side by side: {reason}. {_ATTENTION_ALONE}") from error
    gap = float((said - torch.log_softmax(torch.stack(plain), -1)).abs().max())
    if not gap <= (_GAP if model.dtype is torch.float32 else _GAP_OF_SHORT_FLOATS):
        raise ModelError(
            f"{name} samples from another distribution than its plain forward gives: log-probabilities differ by "
            f"{gap:.2g} nats. {_ATTENTION_ALONE}"
        )


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
