r"""Names from data files: what stands in a table for "there is none" is no name.

MovieLens writes ``(no genres listed)``, IMDb ``\N``, OMDb ``N/A``; exports add ``nan``, ``none`` and dashes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from envs.inputs.text import as_written

_NO_WORD = {"", "\\n", "n/a", "#n/a", "-", "--", "---", "\u2013", "\u2014", "?", ".", "[]", "{}", "()"}
"""Never the name of anything."""
_NONE = _NO_WORD | {
    *("na", "n.a", "nan", "nil", "none", "null", "undefined", "unknown", "unspecified", "not specified", "tbd", "tba"),
    *("no genre", "no genres", "no genre listed", "no genres listed", "genre unknown", "unknown genre"),
    *("not available", "not applicable", "no plot", "no plot available", "plot unknown", "plot is unknown"),
    *("no overview", "no overview found", "no overview available", "add a plot", "add a plot »"),
}
"""No genre, no person and no plot, without brackets and a stop around them; some are titles of films."""
_AROUND = "()[]{}<>. "
_ZERO_WIDTH = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_GENRE_BOUND = re.compile(r"[|,;]")


def film_name(text: str) -> str:
    """A film's name in one form; empty for a placeholder. ``Unknown`` and ``None`` are films."""
    name = " ".join(as_written(text).split())
    return "" if _compared(name) in _NO_WORD else name


def plot_text(text: str) -> str:
    """A plot in one form; empty for a placeholder."""
    plot = as_written(text).strip()
    return "" if _is_none(plot) else plot


def person_names(entries: Iterable[str]) -> list[str]:
    """The people of a list's entries, each with one form and once; ``A|B`` is two."""
    return _names(part for entry in entries for part in as_written(entry).split("|"))


def genre_names(entries: Iterable[str]) -> list[str]:
    """The genres of a list's entries in lower case, each once; ``action|comedy`` and ``action, comedy`` are two."""
    plain = (_ZERO_WIDTH.sub("", _unescaped(entry)).lower() for entry in entries)
    return _names(part for entry in plain for part in _GENRE_BOUND.split(entry))


def _names(parts: Iterable[str]) -> list[str]:
    names = dict.fromkeys(" ".join(part.split()) for part in parts)
    return [name for name in names if not _is_none(name)]


def _unescaped(text: str) -> str:
    """A genre as characters: exports of exports write ``&amp;amp;``, whose semicolon parts no genres."""
    while (plain := as_written(text)) != text:
        text = plain
    return text


def _is_none(name: str) -> bool:
    compared = _compared(name)
    return compared in _NONE or compared.strip(_AROUND) in _NONE


def _compared(name: str) -> str:
    """A name without case, widths and characters that no one sees."""
    return unicodedata.normalize("NFKC", _ZERO_WIDTH.sub("", name)).casefold()
