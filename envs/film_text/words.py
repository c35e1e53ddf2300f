"""Words of texts: what counts as a word, patterns for phrases, and the share of repeated n-grams."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from itertools import pairwise

WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
"""A word in any script; ``sci-fi`` and ``don't`` are one word each."""


def phrases(listing: str) -> re.Pattern[str]:
    """A pattern that finds any entry of a ``|``-separated listing as whole words, the longest first."""
    entries = {" ".join(entry.split()) for entry in listing.split("|")}
    ordered = sorted(entries, key=lambda entry: (-len(entry), entry))
    return re.compile(r"(?<![a-z0-9])(?:" + "|".join(map(re.escape, ordered)) + r")(?![a-z0-9])")


def word_grams(words: Sequence[str]) -> list[str]:
    """The words, and the pairs of neighbours with a space between them."""
    return [*words, *map(" ".join, pairwise(words))]


def repeated_share(grams: Sequence[Hashable]) -> float:
    """Share of a text's n-grams that occur earlier in it; 0 for a text without n-grams."""
    return 1 - len(set(grams)) / len(grams) if grams else 0.0
