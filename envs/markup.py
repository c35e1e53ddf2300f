"""The markers of a conversation's text form, and their removal from text that must not carry them.

One observation reads, for example::

    <seeker>Something scary, please.<proposal>The Conjuring (2013), horror<recommender>

and the reply to it ``How about <movie>?``. A history of human turns stands before it in the same form, each
recommender turn closed by ``<end>``. Tokenizers map each marker to one token (``<end>`` to EOS).
"""

from __future__ import annotations

import re

SEEKER = "<seeker>"
RECOMMENDER = "<recommender>"
PROPOSAL = "<proposal>"
END = "<end>"
"""Closes a recommender turn; the policy's EOS."""
MOVIE = "<movie>"
MOVIE2 = "<movie2>"
CUT = "<cut>"
"""Stands at the end of a reply that reached its token limit before ``<end>``."""

SLOTS = (MOVIE, MOVIE2)
"""The proposal's films, in order: what a reply may use."""
ADDED = (SEEKER, RECOMMENDER, PROPOSAL, *SLOTS)
"""The markers that a tokenizer must hold as single tokens."""

_MARKERS = re.compile("|".join(map(re.escape, (SEEKER, RECOMMENDER, PROPOSAL, END, CUT, *SLOTS))))
_ROLE_LINE = re.compile(r"\b(?:seeker|recommender|user|system|assistant)\s*:", re.IGNORECASE)
_SPECIAL = re.compile(r"<\|[^|<>]{1,40}\|>|</?s>")
_SPACES = re.compile(r"\s+")


def plain(text: str) -> str:
    """Text of the world (seeker lines, titles) with every marker removed, so that it cannot forge one."""
    previous = None
    while previous != text:  # a removal may join two halves of a marker
        previous, text = text, _SPECIAL.sub("", _MARKERS.sub("", text))
    return _SPACES.sub(" ", text).strip()


def clean_reply(reply: str) -> tuple[str, int]:
    """A reply without anything that could be taken for another speaker's turn, and how much was removed.

    The slots stay. Text from the first role marker on is dropped: a reply that writes the seeker's line earns
    nothing from it.

    Returns:
        The cleaned reply and the number of markers found in it.
    """
    kept = re.compile("|".join(map(re.escape, SLOTS)))
    found = 0
    cut = re.search("|".join(map(re.escape, (SEEKER, RECOMMENDER, PROPOSAL, END))), reply)
    role = _ROLE_LINE.search(reply)
    starts = [match.start() for match in (cut, role) if match]
    if starts:
        found += 1
        reply = reply[: min(starts)]
    pieces: list[str] = []
    for piece in re.split(f"({kept.pattern})", reply):
        if piece in SLOTS:
            pieces.append(piece)
            continue
        found += len(_MARKERS.findall(piece)) + len(_SPECIAL.findall(piece))
        pieces.append(_SPECIAL.sub("", _MARKERS.sub("", piece)))
    return _SPACES.sub(" ", "".join(pieces)).strip(), found
