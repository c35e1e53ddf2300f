"""Words of texts: what counts as a word, patterns for phrases, repeated n-grams, and what a speaker says again."""

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


def words(listing: str) -> frozenset[str]:
    """The words of a listing."""
    return frozenset(listing.split())


def word_grams(words: Sequence[str]) -> list[str]:
    """The words, and the pairs of neighbours with a space between them."""
    return [*words, *map(" ".join, pairwise(words))]


def repeated_share(grams: Sequence[Hashable]) -> float:
    """Share of a text's n-grams that occur earlier in it; 0 for a text without n-grams."""
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def repetition(replies: Sequence[str], earlier: Sequence[str] = ()) -> float:
    """Share of the word bigrams of some replies that their speaker said before, in the same conversation.

        repeated / all,  repeated: bigrams that occur in ``earlier``, in a reply before, or before in the same reply

    Case and punctuation do not count. No bigram reaches across replies; a reply of fewer than two words is one gram, so
    that ``Yes`` can be said again.

    Args:
        replies: in their order.
        earlier: what the speaker said before them.

    Returns:
        A number in [0, 1]; 0 without replies.
    """
    seen = {gram for said in earlier for gram in _reply_grams(said)}
    repeated = total = 0
    for gram in (gram for reply in replies for gram in _reply_grams(reply)):
        repeated += gram in seen
        total += 1
        seen.add(gram)
    return repeated / total if total else 0.0


def _reply_grams(reply: str) -> list[tuple[str, ...]]:
    words = WORD.findall(reply.casefold().replace("\u2019", "'"))
    return list(pairwise(words)) or [tuple(words)]
