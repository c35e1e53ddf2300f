"""Take a model's thinking out of what it wrote, so that only its answer is read.

Models mark their thoughts in several ways: ``<think>…</think>`` and tags of other names, also with escaped brackets
(``&lt;think&gt;``), ``[THINK]…[/THINK]``, ``<|START_THINKING|>…<|END_THINKING|>``, the channels of OpenAI's harmony
format. Some chat templates open the thinking in the prompt, so that the text holds the closing mark alone.
"""

from __future__ import annotations

import re

CUT_OFF = "cut off while thinking"
"""What is said of a text without an answer because ``answer_of`` found its thinking unfinished."""

_NAME = (
    r"(?:think|thinking|thoughts?|thought[ _]process|reason|reasoning|reflection|analysis|scratchpad|inner_monologue"
    r"|chain_of_thought|cot|antthinking|seed:think|longcat_think)"
)
_TAG = (
    r"[\w:.-]{0,40}(?:think|thought|reason|rationale|reflect|analy[sz]|scratch[_-]?pad|monologue|deliberat|ponder"
    r"|brainstorm|contemplat|introspect|inner|internal|(?<![a-z])cot(?![a-z])|(?<![a-z])plan(?:s|ning)?(?![a-z]))"
    r"[\w:.-]{0,40}"
)
"""The name of a tag that holds thinking."""
_LESS = r"(?:<|&(?:amp;)*(?:lt|#0*60|#x0*3c);)"
_GREATER = r"(?:>|&(?:amp;)*(?:gt|#0*62|#x0*3e);)"
_OPEN = "|".join(
    (
        rf"{_LESS}\s*{_TAG}(?:\s[^<>&]*)?(?<!/){_GREATER}",
        r"<unused94>\s*thought\b",  # Gemma's
        rf"\[\s*{_NAME}\s*\]",
        rf"<[|\uff5c](?!end_){_TAG}(?<!_end)[|\uff5c]>",
        rf"◁\s*{_NAME}\s*▷",
        r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(?:analysis|commentary)\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>",
        r"<\|channel>\s*(?:thought|analysis)\b",
        r"\A\s*(?-i:analysis)(?=(?-i:[A-Z]))",  # harmony's channels after their special tokens were left out
        r"\A\s*here(?: is|'s) my thought process:",
        r"\A\s*thinking\.\.\.[ \t]*\n",
    )
)
_CLOSE = "|".join(
    (
        rf"{_LESS}\s*/\s*{_TAG}(?:\s[^<>&]*)?{_GREATER}",
        r"<unused95>",
        rf"\[\s*/\s*{_NAME}\s*\]",
        rf"<[|\uff5c](?:(?:end_|/){_TAG}|{_TAG}(?<=_end))[|\uff5c]>",
        rf"◁\s*/\s*{_NAME}\s*▷",
        r"(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*final\b[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>",
        r"<channel\|>",
        r"(?-i:assistantfinal)",
        r"^[ \t]*here(?: is|'s) my response:",
        r"^[ \t]*\.\.\.done thinking\.",
    )
)
_MARK = re.compile(
    rf"(?P<empty>{_LESS}\s*{_TAG}\s*/\s*{_GREATER})|(?P<close>{_CLOSE})|(?P<open>{_OPEN})", re.IGNORECASE | re.MULTILINE
)
_OPENED = re.compile(rf"(?P<mark>{_OPEN})\s*\Z", re.IGNORECASE)
_CHANNELS = frozenset(
    {"<|start|>", "<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|return|>", "<|channel>", "<channel|>"}
)
_ANSWER = re.compile(
    r"<(?P<name>answer|final_answer|response)>(?P<inside>.*?)(?:</(?P=name)>|\Z)", re.IGNORECASE | re.DOTALL
)


def answer_of(text: str) -> str | None:
    """A model's text without its thinking, stripped; None if it was cut off while it thought.

    Several blocks may stand in it. A closing mark without its opening ends thinking that began in the prompt. If the
    model put its answer into ``<answer>…</answer>``, the last such block is the answer.
    """
    kept: list[str] = []
    start, thinking = 0, False
    for mark in _MARK.finditer(text):
        if thinking and mark.lastgroup != "close":
            continue  # a thought may name the mark
        if mark.lastgroup == "close":
            if not thinking:
                kept.clear()
        else:
            kept.append(text[start : mark.start()])
        thinking = mark.lastgroup == "open"
        start = mark.end()
    if thinking:
        return None
    answer = "".join([*kept, text[start:]])
    wrapped = list(_ANSWER.finditer(answer))
    return (wrapped[-1]["inside"] if wrapped else answer).strip()


def opened_by(prompt: str) -> str:
    """The mark with which a prompt opens the model's thinking at its end; empty if it does not."""
    opened = _OPENED.search(prompt[-200:])
    return opened["mark"] if opened else ""


def closing(mark: str) -> str:
    """The mark that closes the thinking which ``mark`` opened."""
    if mark.startswith("<unused94>"):
        return "<unused95>"
    if mark.startswith(("<|", "<\uff5c")):
        return re.sub("begin_of|start_of|start", lambda part: _ended(part.group()), mark, flags=re.IGNORECASE)
    return f"{mark[:1]}/{mark[1:]}"


def marks_thinking(token: str) -> bool:
    """Whether a tokenizer's special token is part of how thinking is marked."""
    return token in _CHANNELS or _MARK.fullmatch(token) is not None


def _ended(start: str) -> str:
    end = "end_of" if "_" in start else "end"
    return end.upper() if start.isupper() else end
