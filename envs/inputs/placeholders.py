r"""Names from data files: what stands in a table for "there is none" is no name.

MovieLens writes ``(no genres listed)``, IMDb ``\N``, OMDb ``N/A``; exports add ``nan``, ``none`` and dashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envs.inputs.text import as_written

_NO_WORD = {"", "\\n", "n/a", "#n/a", "-", "--", "---", "\u2013", "\u2014", "?", ".", "[]", "{}", "()"}
"""Never the name of anything."""
_NONE = _NO_WORD | {
    *("na", "nan", "<na>", "nil", "none", "null", "undefined", "unknown", "unspecified", "tbd", "tba"),
    *("no genre", "no genres", "no genres listed", "(no genres listed)", "not available", "not applicable"),
    *("no plot", "no plot available", "plot unknown", "plot unknown.", "add a plot", "add a plot »"),
}
"""No genre, no person and no plot, in lower case; some are titles of films."""
_GENRE_BOUND = re.compile(r"[|,;]")


def film_name(text: str) -> str:
    """A film's name in one form; empty for a placeholder. ``Unknown`` and ``None`` are films."""
    name = " ".join(as_written(text).split())
    return "" if name.casefold() in _NO_WORD else name


def plot_text(text: str) -> str:
    """A plot in one form; empty for a placeholder."""
    plot = as_written(text).strip()
    return "" if plot.casefold() in _NONE else plot


def person_names(entries: Iterable[str]) -> list[str]:
    """The people of a list's entries, each with one form and once; ``A|B`` is two."""
    return _names(part for entry in entries for part in as_written(entry).split("|"))


def genre_names(entries: Iterable[str]) -> list[str]:
    """The genres of a list's entries in lower case, each once; ``action|comedy`` and ``action, comedy`` are two."""
    return _names(part.lower() for entry in entries for part in _GENRE_BOUND.split(as_written(entry)))


def _names(parts: Iterable[str]) -> list[str]:
    names = dict.fromkeys(" ".join(part.split()) for part in parts)
    return [name for name in names if name.casefold() not in _NONE]
