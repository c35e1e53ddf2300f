"""Keep what is judged apart from the instructions: between fences, without the marks of fences and chat formats."""

from __future__ import annotations

import hashlib
import re

_FENCE_LIKE = re.compile(r"={3,}")
_MARKUP = re.compile(r"([<\[])(?=\S)")
"""The start of a chat format's mark, such as ``<|im_end|>`` or ``[INST]``; tokenizers make it a control token."""


def clean(text: str) -> str:
    """A text on one line, without what looks like a fence or the mark of a chat format."""
    readable = text.encode("utf-8", "replace").decode("utf-8")
    return _MARKUP.sub(r"\1 ", _FENCE_LIKE.sub("==", " ".join(readable.split())))


def fence_of(body: str) -> str:
    """A line to put before and after ``body``: it holds the body's own hash, so that no text can close it."""
    return f"==== {hashlib.sha256(body.encode('utf-8', 'replace')).hexdigest()[:8]} ===="


def fenced(body: str) -> str:
    """``body`` between its fences."""
    fence = fence_of(body)
    return f"{fence}\n{body}\n{fence}"
