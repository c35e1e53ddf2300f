"""Whether a text names one given film; it also finds short titles, which ``TitleFinder`` passes over.

The finder searches any text for any film, so it must ignore ``Jaws`` and ``Up``. Here the film is known, and a missed
title would give it away.
"""

from __future__ import annotations

import re
from functools import lru_cache

from envs.film_text.everyday_words import EVERYDAY_WORDS
from envs.film_text.folding import fold

_WORD = re.compile(r"\w+")
_ENDS = re.compile(r"\s*(?:[.!?\"]|$)")
_SENTENCE_START = r"(?:^|[.!?;:\n]|[^\w\s,])\s*$"


def speaks_of(text: str, title: str) -> bool:
    """Whether a title (without its year) occurs in a text as whole words; accents and widths do not matter.

    Case matters only for a title of everyday words: ``It`` must have its capital. A title of one everyday word must
    also stand inside a sentence, where the capital means something, or be a whole sentence.
    """
    pattern, everyday, single = _read(title)
    if pattern is None:
        return False
    text = fold(text)
    for match in pattern.finditer(text):
        opens = re.search(_SENTENCE_START, text[: match.start()])
        if not (everyday and single and opens) or _ENDS.match(text, match.end()):
            return True
    return False


@lru_cache(maxsize=10_000)
def _read(title: str) -> tuple[re.Pattern[str] | None, bool, bool]:
    """A pattern that finds a title, whether it consists of everyday words, and whether it is a single word."""
    title = fold(title)
    words = [word.casefold() for word in _WORD.findall(title)]
    if not words:
        return None, False, False
    everyday = EVERYDAY_WORDS.issuperset(words)
    spaced = r"\s+".join(re.escape(part) for part in title.split())
    return re.compile(rf"(?<!\w){spaced}(?!\w)", 0 if everyday else re.IGNORECASE), everyday, len(words) == 1
