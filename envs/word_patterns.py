"""Patterns that find listed words and phrases in lower-case text."""

from __future__ import annotations

import re


def phrases(listing: str) -> re.Pattern[str]:
    """A pattern that finds any entry of a ``|``-separated listing as whole words, the longest first."""
    entries = {" ".join(entry.split()) for entry in listing.split("|")}
    ordered = sorted(entries, key=lambda entry: (-len(entry), entry))
    return re.compile(r"(?<![a-z0-9])(?:" + "|".join(map(re.escape, ordered)) + r")(?![a-z0-9])")
