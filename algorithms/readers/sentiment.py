"""VADER's sentiment of a text (Hutto & Gilbert, ICWSM 2014), remembered for texts seen before."""

from __future__ import annotations

from functools import lru_cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

LONGEST = 2000
"""Characters read of a text: VADER's time grows with length, its compound score has saturated long before."""


@lru_cache(maxsize=1)
def _analyser() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


@lru_cache(maxsize=100_000)
def compound(text: str) -> float:
    """VADER's compound score in [-1, 1]; 0 for a text without sentiment words."""
    return float(_analyser().polarity_scores(text[:LONGEST])["compound"])
