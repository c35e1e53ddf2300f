"""VADER's sentiment of a text (Hutto & Gilbert, ICWSM 2014), cached."""

from __future__ import annotations

from functools import lru_cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

LONGEST = 2000
"""A text is cut to this many characters: VADER's time grows with length, but its score saturates much earlier."""


@lru_cache(maxsize=1)
def _analyser() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


@lru_cache(maxsize=100_000)
def compound(text: str) -> float:
    """VADER's compound score in [-1, 1]; 0 for a text without sentiment words."""
    return float(_analyser().polarity_scores(text[:LONGEST])["compound"])
