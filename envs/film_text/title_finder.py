"""Find film titles in free text by a trie over words, which is built once; the longest title wins.

Case, accents, widths and punctuation do not matter (``mission impossible`` is found for ``Mission: Impossible``), ``&``
reads as ``and``, and a title never crosses the end of a sentence. A year counts when it follows in brackets, or after a
comma. ``The Conjuring's`` names ``The Conjuring``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from envs.film_text.everyday_words import EVERYDAY_WORDS
from envs.film_text.folding import Folded, fold, folded

_WORD = re.compile(r"@?[^\W_]+(?:'[^\W_]+)*|&")
_YEAR = re.compile(r"(?:[^\w(\[{]|_)*[(\[{]\s*(\d{4})(?:\s+(?:film|movie))?\s*[)\]}]")
_YEAR_AFTER_COMMA = re.compile(r",\s*(\d{4})(?!\w)")
_SENTENCE_END = re.compile(r"[!?;\n]|(?<=\w{3})\.\s")
_SENTENCE_START = re.compile(r"(?:^|[.!?;:\n]|[^\w\s,])\s*$")
_HYPHENED = re.compile(r"-\w")
_POSSESSIVE = re.compile(r"'s\W*$")
_QUOTES = {'"': '"', "\u201c": "\u201d", "\u201e": "\u201c", "\u00ab": "\u00bb", "(": ")", "[": "]", "'": "'"}
"""What may set a title off, and what closes it."""
_MIN_LETTERS, _MIN_LETTERS_OF_TWO = 6, 4
"""The fewest letters of a title of one word, and of more words, that counts without its year; ``Up`` does not."""
_LITTLE = 3
"""Words up to this length may be in lower case inside a title."""


class _Word(NamedTuple):
    """A word of a text.

    Attributes:
        form: without case and apostrophes; ``@`` for a mention, ``and`` for ``&``.
        start: of its half-open range of characters.
        end: of the same.
        owner: the form without ``'s``; None for a word that does not end with it.
    """

    form: str
    start: int
    end: int
    owner: str | None


class Title(NamedTuple):
    """A film's title as the finder needs it; among films with the same title the most mentioned wins."""

    film_id: int
    text: str
    year: int | None
    mentions: int


@dataclass(frozen=True, slots=True)
class TitleSpan:
    """A title in a text: the film and the half-open range of characters, its bracketed year included."""

    film_id: int
    start: int
    end: int


@dataclass(slots=True)
class _Node:
    """A node of the trie, one word of a title: the words that may follow, and the films whose title ends here."""

    following: dict[str, _Node] = field(default_factory=dict)
    titles: list[Title] = field(default_factory=list)
    long_enough: bool = False
    everyday: bool = False


class TitleFinder:
    """Finds the titles of a fixed set of films in text; some 30 microseconds a sentence."""

    def __init__(self, titles: Iterable[Title]) -> None:
        """Prepare the trie; titles without a letter or digit are left out."""
        self._root = _Node()
        for title in sorted(titles, key=lambda title: (-title.mentions, title.film_id)):
            self._add(title)

    def _add(self, title: Title) -> None:
        words = [word.form for word in _read(title.text)[1]]
        if not words:
            return
        letters = "".join(words)
        node = self._root
        for word in words:
            node = node.following.setdefault(word, _Node())
        node.titles.append(title)
        needed = _MIN_LETTERS if len(words) == 1 else _MIN_LETTERS_OF_TWO
        node.long_enough = len(letters) >= needed and not letters.isdigit()
        node.everyday = EVERYDAY_WORDS.issuperset(words)

    def spans(self, text: str) -> list[TitleSpan]:
        """The titles that occur in a text, from left to right; of two that overlap, the longer one."""
        reading, words = _read(text)
        begins = self._begins
        begun = [position for position, word in enumerate(words) if begins(word)]
        matches = [self._longest(reading.text, words, position) for position in begun]
        chosen: list[TitleSpan] = []
        for match in sorted(filter(None, matches), key=lambda match: (match.start - match.end, match.start)):
            if all(match.end <= other.start or other.end <= match.start for other in chosen):
                chosen.append(match)
        chosen.sort(key=lambda match: match.start)
        return [TitleSpan(match.film_id, *reading.span(match.start, match.end)) for match in chosen]

    def _begins(self, word: _Word) -> bool:
        following = self._root.following
        return word.form in following or word.owner in following

    def _longest(self, text: str, words: Sequence[_Word], first: int) -> TitleSpan | None:
        node, start, best = self._root, words[first].start, None
        for word in words[first:]:
            for last, end in _readings(node, word):
                best = _accept(last, text, start, end) or best
            following = node.following.get(word.form)
            if following is None:
                break
            node = following
        return best


def _readings(before: _Node, word: _Word) -> Iterator[tuple[_Node, int]]:
    """The nodes at which a word may end a title, each with the title's end.

    ``Alien's`` is no ``Aliens``: the plain form counts only if no title ends with the owner, or if it is a title's own,
    as in ``The Emperor's``.
    """
    whole = before.following.get(word.form)
    owner = None if word.owner is None else before.following.get(word.owner)
    if owner is not None and owner.titles:
        yield owner, word.end - 2
        if whole is not None and not any(_POSSESSIVE.search(fold(title.text)) for title in whole.titles):
            return
    if whole is not None:
        yield whole, word.end


def _accept(node: _Node, text: str, start: int, end: int) -> TitleSpan | None:
    """The film of a node's title at ``text[start:end]``: by the year that follows, else the most mentioned.

    A title that is too short, or of everyday words, counts with its year, or if it is set off and written as a title.
    """
    titles = node.titles
    if titles and _SENTENCE_END.search(text, start, end):
        titles = [title for title in titles if _SENTENCE_END.search(title.text.strip())]
    if not titles:
        return None
    set_off = start > 0 and _QUOTES.get(text[start - 1]) == text[end : end + 1]
    year = _YEAR.match(text, end) or (_YEAR_AFTER_COMMA.match(text, end) if text[start].isupper() else None)
    first = start - 1 if set_off and year is not None else start  # the year's pattern takes the closing mark along
    if year is not None:
        for title in titles:
            if title.year == int(year[1]):
                return TitleSpan(title.film_id, first, year.end())
    last = year.end() if year is not None and year.re is _YEAR else end
    if _HYPHENED.match(text, last) or (start >= 2 and _HYPHENED.match(text[start - 2 : start][::-1])):
        return None  # part of a longer name, as Carrie in Carrie-Anne
    return TitleSpan(titles[0].film_id, first, last) if _counts(node, text, start, end, set_off) else None


def _counts(node: _Node, text: str, start: int, end: int, set_off: bool) -> bool:
    """Whether a title without its year is one: long and unusual words, or written as a title."""
    if node.long_enough and not node.everyday:
        return True
    marked = set_off and text[start - 1] != "'" and any(map(str.isalpha, text[start:end]))
    return (node.long_enough or marked) and _written_as_title(text, start, end, set_off)


def _written_as_title(text: str, start: int, end: int, set_off: bool) -> bool:
    """Whether ``text[start:end]`` is capitalised as a title; the first word of a sentence must be set off for that."""
    words = [match[0] for match in _WORD.finditer(text, start, end)]
    capitals = [word[0].isupper() or word[0].isdigit() for word in words]
    if not all(capital or len(word) <= _LITTLE for capital, word in zip(capitals, words, strict=True)):
        return False
    opens = not set_off and _SENTENCE_START.search(text, 0, start) is not None
    return any(capitals[1:] if opens else capitals)


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Folded, tuple[_Word, ...]]:
    """A text in one spelling, and its words; a mention (``@id``) is no word.

    Results are cached, since masking searches the same texts once for each message of a dialogue.
    """
    reading = folded(text)
    return reading, tuple(map(_word, _WORD.finditer(reading.text)))


def _word(match: re.Match[str]) -> _Word:
    word = match[0].casefold()
    if word[0] in "@&":
        return _Word("@" if word[0] == "@" else "and", match.start(), match.end(), None)
    owner = word[:-2].replace("'", "") if word.endswith("'s") else None
    return _Word(word.replace("'", ""), match.start(), match.end(), owner)
