"""Clean a reply before seeker and critic read it: strip markers and titles, fill slots."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from envs.catalog import Catalog
from envs.dialogue import MENTION, mentioned_films
from envs.film_text.markup import CUT, SLOTS, clean_reply, plain, split_slots
from envs.inputs.text import whole

_SPACES = re.compile(r"\s+")
_SPACE_BEFORE_STOP = re.compile(r"\s+([,.!?;:])")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as the environment reads it.

    Attributes:
        text: films as ``Title (1999)``; critic, seeker and evaluation read it.
        mentions: the same text with films as ``@id``; recommender and seeker look films up in it.
        films: ids of the films that it names through slots, in order, each once.
        cut: it stopped at its limit, before its end.
        stripped: role markers, special tokens, ``@id`` mentions and titles outside slots that were removed.
        empty_slots: slots without a proposed film, left out.
    """

    text: str
    mentions: str
    films: tuple[int, ...]
    cut: bool
    stripped: int
    empty_slots: int


def read_reply(action: str, proposal: Sequence[int], catalog: Catalog, max_characters: int) -> Reply:
    """Clean a reply and fill its slots.

    A removal can form a new title or marker (``The <movie2>Matrix`` without a second film, ``<see<end>ker>``), so
    removals are repeated until nothing is found.

    Args:
        action: the reply as written, slots as ``<movie>`` and ``<movie2>``; a cut reply ends with ``<cut>``.
        proposal: the films that the slots stand for.
        catalog: names of films, and the finder of titles.
        max_characters: longer replies are cut there.
    """
    written = whole(action).rstrip()
    cut = written.endswith(CUT) or len(written) > max_characters
    text = written.removesuffix(CUT)[:max_characters]
    films: dict[str, int] = dict(zip(SLOTS, proposal, strict=False))
    stripped = empty = 0
    previous = None
    while previous != text:
        previous = text
        text, slots = _drop_empty_slots(text, films)
        text, markers = clean_reply(text)
        text, titles = _strip_films(text, catalog)
        empty += slots
        stripped += markers + titles
    mentions = _fill(text, films)
    named = tuple(mentioned_films(mentions))
    return Reply(plain(catalog.render(mentions)), mentions, named, cut, stripped, empty)


def _drop_empty_slots(text: str, films: Mapping[str, int]) -> tuple[str, int]:
    pieces = split_slots(text)
    kept = [piece for piece in pieces if piece not in SLOTS or piece in films]
    if len(kept) == len(pieces):
        return text, 0
    return _tidy("".join(kept)), len(pieces) - len(kept)


def _strip_films(text: str, catalog: Catalog) -> tuple[str, int]:
    """Remove ``@id`` mentions and titles from the text; slots stay, and no title spans a slot."""
    pieces = split_slots(text)
    removed = 0
    for index in range(0, len(pieces), 2):
        without, mentions = MENTION.subn("", pieces[index])
        without, titles = catalog.strip_titles(without)
        if mentions + titles:
            pieces[index] = f" {without} "
            removed += mentions + titles
    return (_tidy("".join(pieces)), removed) if removed else (text, 0)


def _fill(text: str, films: Mapping[str, int]) -> str:
    pieces = split_slots(text)
    for index in range(1, len(pieces), 2):
        glue = " " if pieces[index + 1][:1].isdigit() else ""  # @12 followed by 3 would be another film
        pieces[index] = f"@{films[pieces[index]]}{glue}"
    return "".join(pieces)


def _tidy(text: str) -> str:
    return _SPACE_BEFORE_STOP.sub(r"\1", _SPACES.sub(" ", text)).strip()
