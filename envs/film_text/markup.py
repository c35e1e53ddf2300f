"""The markers of a conversation's text form, and their removal from text that must not carry them.

One observation reads, for example::

    <seeker>Something scary, please.<emotion>curious, happy<proposal>The Conjuring (2013), horror<recommender>

and the reply to it ``How about <movie>?``. A history of human turns precedes it in the same form; ``<end>`` closes each
recommender turn. Tokenizers map each marker to one token (``<end>`` to EOS).
"""

from __future__ import annotations

import re

SEEKER = "<seeker>"
RECOMMENDER = "<recommender>"
EMOTION = "<emotion>"
PROPOSAL = "<proposal>"
END = "<end>"
"""Closes a recommender turn; the policy's EOS."""
MOVIE = "<movie>"
MOVIE2 = "<movie2>"
CUT = "<cut>"
"""Ends a reply that reached its token limit before ``<end>``."""
SPECIAL = "<special>"
"""Stands in a reply for a special token of the policy's own tokenizer, such as ``<end_of_turn>`` or ``[INST]``."""

SLOTS = (MOVIE, MOVIE2)
"""The slots that a reply may use; they stand for the proposal's films, in order."""
ADDED = (SEEKER, RECOMMENDER, EMOTION, PROPOSAL, *SLOTS)
"""The markers that a tokenizer must hold as single tokens."""

_MARKUP = re.compile(
    "|".join(map(re.escape, (*ADDED, END, CUT, SPECIAL))) + r"|<\|[^|<>]{1,40}\|>"
    r"|<{1,2}/?[|\uff5c]?[^\W\d_][\w|\uff5c\u2581:./-]{0,40}>{1,2}"
    r"|\[/?(?:g?MASK|CLS|SEP|PAD|UNK|[BE]OS|INST|SYS|THINK|IMG(?:_[A-Z]+)?|(?:AVAILABLE_)?TOOLS?(?:_[A-Z]+)?|SYSTEM_PROMPT)\]",
    re.IGNORECASE,
)
"""Markers, and special tokens written out: what looks like a tag, and the names in brackets that tokenizers use.

Brackets alone prove nothing: ``[REC]`` is a film.
"""
_ROLE = re.compile(
    "|".join(map(re.escape, (SEEKER, RECOMMENDER, EMOTION, PROPOSAL, END)))
    + r"|(?:seeker|recommender|\b(?:user|system|assistant))\s*:",
    re.IGNORECASE,
)
"""What starts another speaker's turn: a marker, or a role written out as in ``Seeker:``."""
_SLOT = re.compile("(" + "|".join(map(re.escape, SLOTS)) + ")")
_SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    """Remove every marker from text of the environment (seeker lines, titles), so that it cannot forge one."""
    previous = None
    while previous != text:  # a removal may join two halves of a marker
        previous, text = text, _MARKUP.sub("", text)
    return _SPACES.sub(" ", text).strip()


def split_slots(reply: str) -> list[str]:
    """A reply in pieces: text and slots in turn, text first and last (it may be empty)."""
    return _SLOT.split(reply)


def clean_reply(reply: str) -> tuple[str, int]:
    """Remove from a reply all that could be taken for another speaker's turn.

    The slots stay. All text from the first role marker on is dropped, so that a policy gains nothing by writing the
    seeker's line. Cleaning a cleaned reply changes nothing.

    Returns:
        The cleaned reply and the number of markers found in it.
    """
    removed, previous = 0, None
    while previous != reply:  # a removal may join two halves of a marker
        previous = reply
        reply, more = _clean_once(reply)
        removed += more
    return _SPACES.sub(" ", reply).strip(), removed


def _clean_once(reply: str) -> tuple[str, int]:
    removed = 0
    role = _ROLE.search(reply)
    if role is not None:
        removed, reply = 1, reply[: role.start()]
    pieces = split_slots(reply)
    for index in range(0, len(pieces), 2):
        pieces[index], markers = _MARKUP.subn("", pieces[index])
        removed += markers
    return "".join(pieces), removed
