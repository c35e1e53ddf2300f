"""Find film titles in free text by a trie over words, which is built once; the longest title wins.

Case, accents and punctuation do not matter (``mission impossible`` is found for ``Mission: Impossible``), ``&`` reads
as ``and``, and a title never crosses the end of a sentence. A year counts when it follows in brackets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from envs.film_text.everyday_words import EVERYDAY_WORDS

_WORD = re.compile(r"@?[^\W_]+(?:['\u2019][^\W_]+)*|&")
_YEAR = re.compile(r"[^\w(]*\((\d{4})\)")
_SENTENCE_END = re.compile(r"[!?;\n]|(?<=\w{3})\.\s")
_SENTENCE_START = re.compile(r"(?:^|[.!?;:\n]|[^\w\s,])\s*$")
_HYPHENED = re.compile(r"-\w")
_MIN_LETTERS, _MIN_LETTERS_OF_TWO = 6, 4
"""The fewest letters of a title of one word, and of more words, that counts without its year; ``Up`` does not."""
_LITTLE = 3
"""Words up to this length may be in lower case inside a title."""

_Word = tuple[str, int, int]
"""A word's compared form and its half-open range of characters."""


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
        words = [word for word, _, _ in _words(title.text)]
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
        words = _words(text)
        begun = [position for position, (word, _, _) in enumerate(words) if word in self._root.following]
        matches = [self._longest(text, words, position) for position in begun]
        chosen: list[TitleSpan] = []
        for match in sorted(filter(None, matches), key=lambda match: (match.start - match.end, match.start)):
            if all(match.end <= other.start or other.end <= match.start for other in chosen):
                chosen.append(match)
        return sorted(chosen, key=lambda match: match.start)

    def _longest(self, text: str, words: Sequence[_Word], first: int) -> TitleSpan | None:
        node, start, best = self._root, words[first][1], None
        for word, _, end in words[first:]:
            following = node.following.get(word)
            if following is None:
                break
            node = following
            best = _accept(node, text, start, end) or best
        return best


def _accept(node: _Node, text: str, start: int, end: int) -> TitleSpan | None:
    """The film of a node's title at ``text[start:end]``: by the year in brackets, else the most mentioned."""
    titles = node.titles
    if titles and _SENTENCE_END.search(text, start, end):
        titles = [title for title in titles if _SENTENCE_END.search(title.text.strip())]
    if not titles:
        return None
    bracket = _YEAR.match(text, end)
    if bracket is not None:
        end = bracket.end()
        year = int(bracket[1])
        for title in titles:
            if title.year == year:
                return TitleSpan(title.film_id, start, end)
    if _HYPHENED.match(text, end) or (start >= 2 and _HYPHENED.match(text[start - 2 : start][::-1])):
        return None  # part of a longer name, as Carrie in Carrie-Anne
    if not node.long_enough or (node.everyday and not _written_as_title(text, start, end)):
        return None
    return TitleSpan(titles[0].film_id, start, end)


def _written_as_title(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is capitalised as a title, beyond the first word of a sentence."""
    words = [match[0] for match in _WORD.finditer(text, start, end)]
    capitals = [word[0].isupper() or word[0].isdigit() for word in words]
    if not all(capital or len(word) <= _LITTLE for capital, word in zip(capitals, words, strict=True)):
        return False
    opens = _SENTENCE_START.search(text, 0, start) is not None
    return any(capitals[1:] if opens else capitals)


@lru_cache(maxsize=1024)
def _words(text: str) -> tuple[_Word, ...]:
    """The words of a text in their compared form, with their range of characters; a mention (``@id``) is no word.

    Results are cached, since masking searches the same texts once for each message of a dialogue.
    """
    return tuple((_compared(match[0]), match.start(), match.end()) for match in _WORD.finditer(text))


def _compared(word: str) -> str:
    """A word without case, accents and apostrophes; ``@`` for a mention, ``and`` for ``&``."""
    if word.startswith("@"):
        return "@"
    if word == "&":
        return "and"
    if not word.isascii():
        decomposed = unicodedata.normalize("NFKD", word)
        word = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return word.casefold().replace("'", "").replace("\u2019", "")
