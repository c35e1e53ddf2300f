"""Find replies that address the judge instead of the seeker (prompt injection)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_ORDERS = r"""(?ix)
    \b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:the\s+|your\s+|previous\s+|above\s+|these\s+)*
        (?:rubric|instructions?|prompts?|rules|guidelines)\b
    | \b(?:score|rate|grade|give)\s+(?:me|it|(?:this|the)(?:\s+(?:reply|response|answer))?)
        \s+(?:an?\s+)?(?:\d+|full|max\w*|perfect)\b
    | \b(?:score|rating|grade)\s*[:=]?\s*(?:10|5|100)(?:\s*/\s*\d+)?\b
    | \byou\s+are\s+(?:an?|the)\s+(?:judge|evaluator|grader|assistant|language\s+model)\b
    | (?:^|\n)\s*(?:system|assistant|user)\s*:
    | \bas\s+an\s+ai\b
    | ["'](?:{heads})["']\s*:
    | <\|[a-z_]+\|>
    """
_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")


def without_orders(text: str, heads: Sequence[str]) -> str:
    """The text without the sentences that speak to the judge of these heads; the text itself where there is none."""
    if not speaks_to_judge(text, heads):
        return text
    return " ".join(sentence for sentence in _SENTENCE.split(text) if not speaks_to_judge(sentence, heads))


def speaks_to_judge(text: str, heads: Sequence[str]) -> bool:
    """Whether a text gives orders to whoever scores it: to ignore the rubric, to give a score, to take another role.

    Args:
        text: the text.
        heads: names of what is scored; a text that writes a score beside one gives an order, too.
    """
    return _to_judge(tuple(heads)).search(text) is not None


@lru_cache
def _to_judge(heads: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_ORDERS.replace("{heads}", "|".join(heads) or "(?!)"))
