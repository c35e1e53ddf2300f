"""Read the bodies of chat completions as endpoints and proxies send them: the text of the answer, or why there is none.

Thinking that stands in a field or part of its own is left out; thinking inside the text is the reader's to take out
(``envs.model_text.thinking``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envs.inputs.json_text import JsonFault, parse_json
from envs.inputs.text import whole
from envs.model_text.thinking import CUT_OFF

_LONGEST = 200
"""Characters at most of an endpoint's own words."""
_TEXT_PARTS = frozenset({"text", "output_text"})
_TOO_FEW = "; allow it more tokens"
_COUNTS = ("prompt_tokens", "completion_tokens")


class NoAnswer(Exception):
    """The endpoint gave no answer to a request; the message says why."""


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens of a request and of its answer, as the endpoint counts them."""

    prompt: int
    answer: int


def completion_text(body: str) -> str:
    """The model's text in the body of a chat completion, whole Unicode; parts of a text are joined.

    Raises:
        NoAnswer: the body is a proxy's page, an error or incomplete, or the model refused, called a tool, or came to no
            answer.
    """
    value = _parsed(body)
    told = _alone(value)
    if isinstance(told, Mapping) and told.get("error"):
        raise NoAnswer(f"the endpoint answered an error: {endpoint_words(body)}")
    try:
        choice = value["choices"][0]
        message = choice["message"]
        content = message.get("content")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise NoAnswer("the response is no chat completion") from None
    ended = choice.get("finish_reason")
    if ended == "content_filter":
        raise NoAnswer("the endpoint's filter withheld the answer")
    text = _joined(content)
    if text is None:
        raise NoAnswer("the answer's content is neither text nor parts of it")
    if not text.strip():
        raise NoAnswer(_why_empty(message, content, ended))
    return whole(text)


def token_counts(body: str) -> TokenCounts | None:
    """The tokens that the body of a chat completion says were used; None if it does not say."""
    value = _parsed(body)
    usage = value.get("usage") if isinstance(value, Mapping) else None
    counts = [usage.get(name) for name in _COUNTS] if isinstance(usage, Mapping) else []
    known = [count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count >= 0]
    return TokenCounts(*known) if len(known) == len(_COUNTS) else None


def endpoint_words(body: str) -> str:
    """What an endpoint says of an error, on one line; empty if the body says nothing in a known form."""
    value = _alone(_parsed(body))
    for key in ("error", "detail", "message", "msg", "error_description"):
        while isinstance(value, Mapping) and key in value:
            value = value[key]
    if isinstance(value, list):
        value = json.dumps(value)
    words = " ".join(whole(value).split()) if isinstance(value, str) else ""
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _parsed(body: str) -> Any:
    """The JSON of a body, also of one that is encoded twice; None if it is none."""
    value: Any = body
    for _ in range(2):
        try:
            value = parse_json(value, strict=False)
        except JsonFault:
            return None
        if not isinstance(value, str):
            return value
    return None


def _alone(value: Any) -> Any:
    """An error that stands in a list, as Google's endpoints send it; any other value as it is."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping) and "error" in value[0]:
        return value[0]
    return value


def _joined(content: Any) -> str | None:
    """The text of a message's content; None if it has another form."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = [content] if isinstance(content, Mapping) else content
    if not isinstance(parts, list) or not all(isinstance(part, str | Mapping) for part in parts):
        return None
    return "".join(part if isinstance(part, str) else _part_text(part) for part in parts)


def _part_text(part: Mapping[str, Any]) -> str:
    kind = part.get("type", "text")
    text = part.get("text") if isinstance(kind, str) and kind in _TEXT_PARTS else None
    if isinstance(text, Mapping):
        text = text.get("value")
    return text if isinstance(text, str) else ""


def _why_empty(message: Mapping[str, Any], content: Any, ended: Any) -> str:
    """Why a message has no text."""
    refusals = [message.get("refusal")]
    refusals += (
        [part.get("refusal") for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    )
    for refusal in refusals:
        if isinstance(refusal, str) and refusal.strip():
            return f"the model refused: {' '.join(whole(refusal).split())[:_LONGEST]}"
    if message.get("tool_calls") or message.get("function_call"):
        return "the model called a tool"
    thought = message.get("reasoning_content") or message.get("reasoning")
    if thought or (content and not isinstance(content, str)):
        return f"{CUT_OFF}{_TOO_FEW}" if ended == "length" else "thinking and no answer"
    return f"cut off before its first word{_TOO_FEW}" if ended == "length" else "an empty answer"
