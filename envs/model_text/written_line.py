"""One speaker's line out of what a model wrote, or the reason why there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from envs.dialogue import MENTION
from envs.film_text.markup import clean_reply
from envs.inputs.text import whole
from envs.model_text.json_objects import json_objects
from envs.model_text.thinking import CUT_OFF, answer_of

NOTHING = "the model wrote nothing"
THINKING = f"the model was {CUT_OFF}"
JSON = "the model wrote JSON"
OTHER_SPEAKER = "the model wrote another speaker's line"
DIALOGUE = "the model wrote a whole dialogue"
TOO_LONG = "the model wrote more than a line"
ITSELF = "the model spoke as a language model"
REFUSAL = "the model refused"
TAGS = "the model wrote tags of its own"
"""Why a text holds no line."""
LONGEST_LINE = 300
"""Characters of a line at most."""
SENTENCE = re.compile(r"(?<=[.!?])\s+")
"""What stands between two sentences."""

_LONGEST_TEXT = 3 * LONGEST_LINE
"""A longer text is no line that ran on: it is something else."""
_TURN = r"(?:turn|line|reply|message|response|answer|output)"
_OWN = (
    rf"(?:(?:the )?(?:seeker|you|me)(?:'s)?(?: next)?(?: {_TURN})?(?: \([^()]*\))?"
    rf"|(?:(?:my|the) )?(?:next |final )?{_TURN})"
)
_OTHERS = (
    r"recommender|assistant|system|user|human|ai|bot|chatbot|agent|model|narrator"
    r"|thoughts?|thinking|reasoning|analysis|explanation"
)
_COLON = "[:\uff1a\ufe55\u2236\ua789]"
_OWN_NAME = re.compile(rf"^\W*{_OWN}\W*{_COLON}[\s*_]*", re.IGNORECASE)
_OTHER_NAME = re.compile(rf"^\W*(?:{_OTHERS})\W*{_COLON}", re.IGNORECASE)
_ANNOUNCED = re.compile(rf"{_COLON}\Z")
_SPEAKER = re.compile(
    rf"^[^\w\n]*(?:{_OWN}|{_OTHERS})[^\w\n]*{_COLON}|\b(?:seeker|recommender|user|assistant|system)\s*{_COLON}",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = re.compile(
    r"<\|im_start\|>\s*(\w+)|<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>|<start_of_turn>\s*(\w+)"
    r"|<\|(user|assistant|system)\|>|^#+[ \t]*(seeker|recommender|user|assistant|system)\b\s*:?",
    re.IGNORECASE | re.MULTILINE,
)
"""How chat formats name a speaker."""
_INSTRUCTION = re.compile(r"\[/?INST\]")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})\w*[ \t]*$", re.MULTILINE)
_JSON = re.compile(r"\A\s*[\[{]\s*[\"'{]")
_TAG_END = re.compile(
    r"(?:<|&lt;)\s*/\s*(?!(?:b|i|u|s|p|em|strong|q|span|small|mark)\b)[^\W\d][\w:.-]*[^<>&\n]*(?:>|&gt;)"
    r"|\[\s*/\s*(?!(?:inst|b|i|u|s)\b)[^\W\d][\w:.-]*\s*\]",
    re.IGNORECASE,
)
"""The end of a tag that is neither formatting nor the end of a text: nobody knows whether its inside is said."""
_CONTROL = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]"
)
"""A terminal's sequence, a control character, or a mark that turns the direction of text."""
_CANNOT = (
    r"\b(?:i (?:can(?:['\u2019]?t|not| not)|won['\u2019]?t)|i(?:['\u2019]m| am) (?:unable|not able|not allowed) to)"
)
_REFUSAL = re.compile(
    rf"{_CANNOT} (?:(?:help|assist|comply)(?! but\b)(?: you)?(?: with\b|[.,!]|\Z)"
    r"|(?:fulfil|fulfill|complete|process|honou?r|satisfy) (?:that|this|your|the|such)\b"
    r"|(?:provide|create|generate|write|produce|engage in|continue|participate in|respond to|answer|discuss|do)"
    r" (?:with )?(?:(?:that|this|your|the|such|any|an?) )?(?:kind of |type of )?(?:\w+ )?"
    r"(?:request|content|material|prompt|question|conversation|dialogue|role-?play|task)s?\b)"
    rf"|\b(?:sorry|apologi[sz]e|apologies|unfortunately)\b[^.!?]{{0,30}}{_CANNOT}"
    r"(?: (?:help|assist|do|answer|discuss|continue)(?: with)?(?: (?:that|this))?)?\s*[.!]?\s*\Z"
    r"|\bi (?:must|have to) (?:respectfully |politely )?(?:decline|refuse)\b"
    r"|\b(?:against|violat\w+) (?:\w+ ){0,3}(?:guidelines|polic(?:y|ies))\b",
    re.IGNORECASE,
)
_ITSELF = re.compile(
    r"\b(?:as|i am|i['\u2019]m) (?:just )?an? (?:ai|(?:ai |large |virtual )*(?:language model|assistant))\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line without its speaker's name, quotes and markers; empty if there is none, and then ``failure`` says why."""

    text: str
    failure: str = ""


def read_line(written: str) -> WrittenLine:
    """The line that a model wrote for the seeker.

    Harmless additions are left out: thinking, code fences, an announcement that ends in a colon, the seeker's name,
    quotes, control characters, one further turn of another speaker, and lines after the first.
    """
    answer = answer_of(_CONTROL.sub("", whole(written)))
    if answer is None:
        return WrittenLine("", THINKING)
    text = _INSTRUCTION.sub("\nuser: ", _HEADER.sub(_named, _FENCE.sub("", answer))).strip()
    if not _WORD.search(text):
        return WrittenLine("", NOTHING)
    if _is_json(text):
        return WrittenLine("", JSON)
    if _TAG_END.search(text):
        return WrittenLine("", TAGS)
    if sum(match.start() > 0 for match in _SPEAKER.finditer(text)) > 1:
        return WrittenLine("", DIALOGUE)
    return _first_line([line for line in text.splitlines() if line.strip()])


def _first_line(lines: list[str]) -> WrittenLine:
    line = lines[0]
    if _OTHER_NAME.match(line):
        return WrittenLine("", OTHER_SPEAKER)
    bare = _OWN_NAME.sub("", line).strip()
    if not bare or _ANNOUNCED.search(bare):  # an announcement
        return _first_line(lines[1:]) if len(lines) > 1 else WrittenLine("", NOTHING)
    if _ITSELF.search(bare):
        return WrittenLine("", ITSELF)
    if _REFUSAL.search(bare):
        return WrittenLine("", REFUSAL)
    if len(bare) > _LONGEST_TEXT or all(len(sentence) > LONGEST_LINE for sentence in SENTENCE.split(bare)):
        return WrittenLine("", TOO_LONG)
    said = clean_reply(MENTION.sub("", bare))[0].strip(' "“”')
    return WrittenLine(said) if said else WrittenLine("", OTHER_SPEAKER)


def _named(header: re.Match[str]) -> str:
    return f"\n{next(filter(None, header.groups()))}: "


def _is_json(text: str) -> bool:
    try:
        return _JSON.match(text) is not None or bool(json_objects(text))
    except ValueError:
        return True
