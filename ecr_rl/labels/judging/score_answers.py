"""Read the scores that a language model wrote as JSON; an answer with two meanings has none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envs.inputs.json_text import JsonFault, parse_json
from envs.model_text.json_objects import json_objects

LOWEST, HIGHEST = 1, 5
"""The scale that a judge is asked to score on."""
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WRITTEN = re.compile(rf"([{LOWEST}-{HIGHEST}])(?:\.0+)?(?:\s*(?:/|out of)\s*{HIGHEST}(?:\.0+)?)?")
"""A score as text, such as ``4``, ``4.0`` or ``4/5``."""
_SCORE_KEYS = ("score", "rating", "value")
"""Where a score stands if a head has an object of its own, such as ``{"score": 4, "reason": "…"}``."""
_FINAL = re.compile(
    r"\bfinal(?:ly)?\W*(?:answers?|scores?|ratings?|json|output|result|verdict)?\W*(?:json)?\W*\Z", re.IGNORECASE
)
"""Words right before an object which say that it is the answer."""
_LABEL = 60
"""The most characters of these words."""

_Reading = list[int] | str
"""The scores of an object, or what is wrong with them."""


def in_words(count: int) -> str:
    """A count as a word up to twelve, then as a number."""
    return _COUNTS[count] if count < len(_COUNTS) else str(count)


def read_scores(answer: str, heads: Sequence[str]) -> list[int]:
    """The scores from 1 to 5 that an answer states, in the order of ``heads``.

    The last object that names a head and gives it more than words counts, wherever it is nested; other objects are
    passed over. An earlier object with other scores makes the answer unreadable, unless words such as "Final answer:"
    stand before the last alone. Further keys do not matter. A score may be text (``"4"``, ``"4/5"``) or stand in an
    object (``{"score": 4, "reason": "…"}``).

    Raises:
        ValueError: no scores of all heads can be read, or more than one set of them.
    """
    answer = _decoded(answer)
    found = json_objects(answer)
    readings: list[tuple[_Reading, bool]] = []
    before = 0
    for one in found:
        final = _FINAL.search(answer[max(before, one.start - _LABEL) : one.start]) is not None
        readings += [(_reading(about, heads), final) for about in _about(one.value, heads)]
        before = one.stop
    if re.search(rf"\{{[^{{}}]*?\b(?:{'|'.join(heads)})[\"'\\]*\s*[:=]", answer[before:], re.IGNORECASE):
        raise ValueError("its last JSON object is incomplete or broken")
    if not readings:
        raise ValueError("no JSON object of scores in the answer" if found else "no JSON object in the answer")
    *earlier, (last, final) = readings
    if isinstance(last, str):
        raise ValueError(last)
    others = [(reading, marked) for reading, marked in earlier if isinstance(reading, list) and reading != last]
    if others and (not final or any(marked for _, marked in others)):
        raise ValueError("it states different scores")
    return last


def _decoded(answer: str) -> str:
    """The text of an answer that is a JSON string, as of a model that encodes its JSON twice."""
    for _ in range(2):
        try:
            value = parse_json(answer, strict=False) if answer.startswith('"') else None
        except JsonFault:
            return answer
        if not isinstance(value, str):
            return answer
        answer = value.strip()
    return answer


def _about(value: Any, heads: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The objects in a value that give a head more than words, by plain keys, in order; those inside are theirs."""
    ahead = [value]
    while ahead:
        inner = ahead.pop(0)
        if isinstance(inner, str) and inner.lstrip().startswith("{"):
            ahead[:0] = [one.value for one in json_objects(inner)]
        elif isinstance(inner, list):
            ahead[:0] = inner
        elif isinstance(inner, dict):
            plain = _plain_keys(inner)
            named = [plain[head] for head in heads if head in plain]
            if any(not isinstance(entry, str) or re.search(r"\d", entry) for entry in named):
                yield plain
            else:
                ahead[:0] = inner.values()


def _plain_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with keys as heads are named; None for a key that two spellings give."""
    plain: dict[str, Any] = {}
    for key, inner in value.items():
        name = re.sub(r"[\s-]+", "_", key.strip().lower())
        plain[name] = None if name in plain else inner
    return plain


def _reading(value: Mapping[str, Any], heads: Sequence[str]) -> _Reading:
    scores = []
    for head in heads:
        score = _score(value.get(head))
        if score is None:
            problem = "has no score from 1 to 5" if head in value else "is missing"
            return f"not the {in_words(len(heads))} scores from {LOWEST} to {HIGHEST}: {head} {problem}"
        scores.append(score)
    return scores


def _score(value: Any) -> int | None:
    """A score; None for what is none or could be read in two ways."""
    if isinstance(value, dict):
        inner = [value[key] for key in _SCORE_KEYS if key in value]
        value = inner[0] if len(inner) == 1 and not isinstance(inner[0], dict) else None
    if isinstance(value, str):
        written = _WRITTEN.fullmatch(value.strip())
        return None if written is None else int(written[1])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value in range(LOWEST, HIGHEST + 1) else None
