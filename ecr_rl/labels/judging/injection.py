"""Find replies that address the judge instead of the seeker (prompt injection)."""

from __future__ import annotations

import re

_TO_JUDGE = re.compile(
    r"""(?ix)
    \b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:the\s+|your\s+|previous\s+|above\s+|these\s+)*
        (?:rubric|instructions?|prompts?|rules|guidelines)\b
    | \b(?:score|rate|grade|give)\s+(?:me|it|(?:this|the)(?:\s+(?:reply|response|answer))?)
        \s+(?:an?\s+)?(?:\d+|full|max\w*|perfect)\b
    | \b(?:score|rating|grade)\s*[:=]?\s*(?:10|5|100)(?:\s*/\s*\d+)?\b
    | \byou\s+are\s+(?:an?|the)\s+(?:judge|evaluator|grader|assistant|language\s+model)\b
    | (?:^|\n)\s*(?:system|assistant|user)\s*:
    | \bas\s+an\s+ai\b
    | ["'](?:empathy|informativeness|recommendation|engagement|overall)["']\s*:
    | <\|[a-z_]+\|>
    """
)


_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")


def without_orders(text: str) -> str:
    """Remove the sentences that address the judge; a text without such sentences stays as it is."""
    if not speaks_to_judge(text):
        return text
    return " ".join(sentence for sentence in _SENTENCE.split(text) if not speaks_to_judge(sentence))


def speaks_to_judge(text: str) -> bool:
    """Whether a text gives orders to whoever scores it: to ignore the rubric, to give a score, to take another role."""
    return _TO_JUDGE.search(text) is not None
