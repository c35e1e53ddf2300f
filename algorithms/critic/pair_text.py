"""Exchanges as the critic reads them: ``[CLS] context [SEP] reply [SEP]``, never longer than a token limit.

A pair that is too long loses the oldest words of its context first. A reply that is too long by itself loses its end
and is flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers

from envs.dialogue import Utterance
from envs.heads import Exchange

PAD, UNKNOWN, START, BREAK = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
"""The special tokens of a tokenizer that ``train_tokenizer`` makes."""

_CHARACTERS_A_TOKEN = 8
"""Before tokenising, text is cut to this many characters for each token of the limit, so that a very long text costs
no more than a short one."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One exchange as token ids; ``segments`` is 0 for context and 1 for reply; ``cut``: the reply lost its end."""

    ids: list[int]
    segments: list[int]
    cut: bool


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Pairs padded to the longest of the batch, all of shape (batch, tokens).

    Attributes:
        ids: token ids, int64.
        mask: 1 at tokens, 0 at padding, int64.
        segments: 0 for the context and its special tokens, 1 for the reply and its closing token, int64.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    segments: torch.Tensor

    def to(self, device: torch.device | str) -> PairBatch:
        """The same batch on a device."""
        return PairBatch(self.ids.to(device), self.mask.to(device), self.segments.to(device))


class PairText:
    """Turns exchanges into pairs of token ids with a fast tokenizer."""

    def __init__(self, tokenizer: Tokenizer, start: int, separator: int, pad: int, max_tokens: int) -> None:
        """Use ``tokenizer`` (its own templates, truncation and padding are off) with these special ids.

        Args:
            tokenizer: a fast tokenizer.
            start: id of the token that opens a pair.
            separator: id of the token that closes the context and the reply.
            pad: id of padding.
            max_tokens: tokens of a pair at most, special tokens included; at least 4.
        """
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer, self.start, self.separator, self.pad = tokenizer, start, separator, pad
        self.max_tokens = max_tokens

    def encode(self, exchanges: Sequence[Exchange]) -> list[Pair]:
        """The pairs of N exchanges, in order, each of at most ``max_tokens``; accepts any text."""
        room = self.max_tokens - 3
        characters = room * _CHARACTERS_A_TOKEN
        contexts = self._tokens([context_text(exchange.context, characters) for exchange in exchanges])
        replies = self._tokens([exchange.reply[:characters] for exchange in exchanges])
        pairs: list[Pair] = []
        for exchange, context, reply in zip(exchanges, contexts, replies, strict=True):
            cut = len(reply) > room or len(exchange.reply) > characters
            reply = reply[:room]
            kept = room - len(reply)
            context = context[len(context) - kept :] if len(context) > kept else context
            ids = [self.start, *context, self.separator, *reply, self.separator]
            pairs.append(Pair(ids, [0] * (len(context) + 2) + [1] * (len(reply) + 1), cut))
        return pairs

    def collate(self, pairs: Sequence[Pair]) -> PairBatch:
        """Pad pairs to one batch."""
        shape = (len(pairs), max(len(pair.ids) for pair in pairs))
        ids, segments = np.full(shape, self.pad), np.zeros(shape, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for row, pair in enumerate(pairs):
            length = len(pair.ids)
            ids[row, :length], segments[row, :length], mask[row, :length] = pair.ids, pair.segments, 1
        return PairBatch(torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(segments))

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        readable = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]  # lone surrogates
        return [encoding.ids for encoding in self.tokenizer.encode_batch(readable, add_special_tokens=False)]


def context_text(context: Sequence[Utterance], characters: int) -> str:
    """The turns as ``role: text``, cut to their last ``characters`` characters."""
    parts: list[str] = []
    length = 0
    for turn in reversed(context):
        parts.append(f"{turn.role.value}: {turn.text}")
        length += len(parts[-1]) + 1
        if length >= characters:
            break
    return " ".join(reversed(parts))[-characters:] if parts else ""


def train_tokenizer(texts: Iterable[str], vocabulary: int, names: Sequence[str]) -> Tokenizer:
    """Train a lower-casing BPE tokenizer that has one token for each name; equal texts give equal tokenizers.

    WordPiece is no choice: its trainer breaks ties at random, so a critic could not be reproduced.

    Args:
        texts: the training texts.
        vocabulary: the most pieces of words.
        names: film names as texts write them; all other words are cut into pieces.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = [PAD, UNKNOWN, START, BREAK]
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, min_frequency=2, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in names])
    return tokenizer
