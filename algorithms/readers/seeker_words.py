"""The words of a seeker for models that count words; a word after a negation counts as a separate word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable

from envs.dialogue import MENTION

_RARE, _COMMON = 5, 0.25
"""A word counts if at least this many texts, and at most this share of them, have it."""
_WORD = re.compile(r"[^\W\d_]{2,}(?:['-][^\W\d_]+)*")
_CLAUSE = re.compile(r"[.,;!?]|\bbut\b")
_NEGATION = re.compile(r"\b(?:not|no|never|without|hate|hated|dislike|avoid|except|less|nor|\w+n't|dont|didnt|isnt)\b")


def seeker_words(text: str) -> set[str]:
    """The words of a text without titles, in lower case; a word after a negation in its clause is ``not word``."""
    words: set[str] = set()
    for clause in _CLAUSE.split(MENTION.sub(" ", text.lower())):
        negation = _NEGATION.search(clause)
        start = len(clause) if negation is None else negation.end()
        words.update(_WORD.findall(clause[:start]))
        words.update(f"not {word}" for word in _WORD.findall(clause[start:]))
    return words


def vocabulary(texts: Collection[Iterable[str]]) -> dict[str, int]:
    """The words that are neither rare nor common, sorted, each with the number of texts that have it.

    Args:
        texts: the distinct words of each text.
    """
    counts = Counter(word for words in texts for word in words)
    return {word: counts[word] for word in sorted(counts) if _RARE <= counts[word] <= _COMMON * len(texts)}
