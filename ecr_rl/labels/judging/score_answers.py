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

_SCORE_TEXT = re.compile(
    r"\W*(?:(?:score|rating|value)\W*)?\d+(?:\.\d+)?\s*(?:%|/|out of\b|or\b|to\b|stars?\b|points?\b|[^\w\s]|\Z)",
    re.IGNORECASE,
)
"""How a text begins that is meant as a score; other texts are reasons, whatever digits they hold."""
_TOP_KEY = re.compile(
    r"(?:max|maximum|highest|best|upper)(?:_(?:possible|score|rating|value|points|bound))*|scale_(?:max|maximum|top)"
    r"|(?:score|rating)_(?:max|maximum|range|scale)|(?:rating|scoring|score|grading)?_?scale|range|out_?of|denominator"
)
_BOTTOM_KEY = re.compile(
    r"(?:min|minimum|lowest|worst|lower)(?:_(?:possible|score|rating|value|points|bound))*|scale_(?:min|minimum)"
)
"""Keys that tell the scale of scores, as ``_plain_keys`` writes them."""
_OTHER_SCALE = re.compile(r"\b(?:zero|six|seven|eight|nine|ten|twenty|hundred|percent\w*)\b|%", re.IGNORECASE)
_NUMBER_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_NUMBER = rf"(?<![\w.])(\d+(?:\.\d+)?|{'|'.join(_NUMBER_WORDS)})(?![\w%])"
_BETWEEN = (
    r"(?:\W|_|\b(?:is|was|gets?|got|deserves?|earns?|scores?|scored|ratings?|rated|should|would|be|at|an?|the|of|to|now|"
    r"becomes?|i|give|gave|it|final|as)\b){1,24}?"
)
"""What may stand between a head's name and its score in prose, a list or a table."""
_AFTER_SCORE = "out|of|and|for|but|because|as|since|with|now|instead|stars?|points?"
"""What may follow a score; other words say what the number counts."""

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
    object (``{"score": 4, "reason": "…"}``). An object that tells another scale than 1 to 5 is unreadable, and so is
    an answer whose words after the last object give a head another score.

    Raises:
        ValueError: no scores of all heads can be read, more than one set of them, or scores on another scale.
    """
    answer = _decoded(answer)
    found = json_objects(answer)
    readings: list[tuple[_Reading, bool]] = []
    before = 0
    for one in found:
        final = _FINAL.search(answer[max(before, one.start - _LABEL) : one.start]) is not None
        scale = f"its scores are not on the scale from {LOWEST} to {HIGHEST}" if _other_scale(one.value, heads) else ""
        readings += [(scale or _reading(about, heads), final) for about in _about(one.value, heads)]
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
    if _contradicts(answer[before:], last, heads):
        raise ValueError("it states different scores after its last JSON object")
    return last


def _contradicts(text: str, scores: Sequence[int], heads: Sequence[str]) -> bool:
    """Whether words give a head another score, or list as many numbers as there are heads and others than these."""
    names = [re.escape(head).replace("_", "[ _-]") for head in heads]
    counted = rf"[ \t-]*(?!(?:{'|'.join((_AFTER_SCORE, *names))})\b)[a-z]{{2,}}"  # as in "2 films"
    for plain, score in zip(names, scores, strict=True):
        name = rf"\b{plain}(?![a-z])"
        after = re.finditer(rf"{name}{_BETWEEN}{_NUMBER}(?!{counted})", text, re.IGNORECASE)
        ahead = re.finditer(rf"{_NUMBER}(?:\s*/\s*5)?\s+(?:for|on|in)\s+(?:the\s+)?{name}", text, re.IGNORECASE)
        if any(_number(found[1]) != score for found in (*after, *ahead)):
            return True
    row = rf"{_NUMBER}(?:[\s,;|*]+{_NUMBER}){{{len(heads) - 1}}}"
    listed = re.finditer(row, text, re.IGNORECASE) if len(heads) > 1 else ()
    return any([_number(one) for one in re.findall(_NUMBER, found[0], re.IGNORECASE)] != scores for found in listed)


def _number(written: str) -> float:
    return _NUMBER_WORDS.get(written.lower()) or float(written)


def _other_scale(value: Any, heads: Sequence[str]) -> bool:
    """Whether an object, or one inside it, tells another scale than 1 to 5."""
    if isinstance(value, list):
        return any(_other_scale(inner, heads) for inner in value)
    if not isinstance(value, dict):
        return False
    for key, inner in _plain_keys(value).items():
        told = key not in heads and not isinstance(inner, dict)
        numbers = [float(one) for one in re.findall(r"\d+(?:\.\d+)?", str(inner))] if told else []
        if told and _TOP_KEY.fullmatch(key):
            words = isinstance(inner, str) and _OTHER_SCALE.search(inner) is not None
            if words or (numbers and (max(numbers) != HIGHEST or min(numbers) not in (LOWEST, HIGHEST))):
                return True
        elif told and _BOTTOM_KEY.fullmatch(key) and numbers and numbers != [LOWEST]:
            return True
    return any(_other_scale(inner, heads) for inner in value.values())


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
            if not all(_is_reason(entry) for entry in named):
                yield plain
            else:
                ahead[:0] = inner.values()


def _is_reason(value: Any) -> bool:
    """Whether what stands under a head's name is words alone, and is not meant as a score."""
    if isinstance(value, dict):
        return bool(value) and not set(value) & set(_SCORE_KEYS) and all(map(_is_reason, value.values()))
    return isinstance(value, str) and _SCORE_TEXT.match(value) is None


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
