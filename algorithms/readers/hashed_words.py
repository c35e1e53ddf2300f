"""A text's words in hash buckets, and one learnt row a bucket: the linear part of small text models."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from envs.film_text.words import WORD, word_grams

BUCKETS = 2**16
"""Hash buckets of words and word pairs."""
LONGEST = 600
"""Characters read of a text."""


def gram_buckets(text: str) -> list[int]:
    """Buckets of a text's distinct words, word pairs and stops."""
    words = WORD.findall(text[:LONGEST].lower().replace("\u2019", "'"))
    found = {*word_grams(words), *(stop for stop in "?!" if stop in text)}
    return sorted(zlib.crc32(gram.encode("utf-8", "replace")) % BUCKETS for gram in found)


def empty_bag(outputs: int) -> nn.EmbeddingBag:
    """A row of ``outputs`` zeros for each bucket."""
    bag = nn.EmbeddingBag(BUCKETS, outputs, mode="sum")
    nn.init.zeros_(bag.weight)
    return bag


def bag_sums(bag: nn.EmbeddingBag, grams: Sequence[list[int]]) -> torch.Tensor:
    """Of N texts the rows of their buckets, summed and divided by the square root of their number: (N, outputs)."""
    flat = torch.tensor([gram for text in grams for gram in text], dtype=torch.long)
    starts = torch.tensor([0, *np.cumsum([len(text) for text in grams])[:-1].tolist()], dtype=torch.long)
    scale = torch.tensor([1.0 / max(1, len(text)) ** 0.5 for text in grams])[:, None]
    return scale * bag(flat, starts)
