"""Dialogue acts of recommender and seeker, after IARD's taxonomies (Cai & Chen, UMAP 2020)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from envs.film_text.words import phrases


@dataclass(frozen=True)
class RecommenderActs:
    """Probabilities (N,) that a recommender's text asks (REQ), recommends (REC) or explains (EXP)."""

    asks: np.ndarray
    recommends: np.ndarray
    explains: np.ndarray


@dataclass(frozen=True)
class SeekerActs:
    """Probabilities (N,) that a seeker's text accepts (ACC), rejects (REJ) or inquires (INQ) of a recommendation."""

    accepts: np.ndarray
    rejects: np.ndarray
    inquires: np.ndarray


class ActReader(Protocol):
    """Reads dialogue acts; ``name`` is the method."""

    name: str

    def read_recommender(self, texts: Sequence[str]) -> RecommenderActs:
        """Acts of N texts of a recommender, titles of films taken out of them."""
        ...

    def read_seeker(self, texts: Sequence[str]) -> SeekerActs:
        """Acts of N texts of a seeker."""
        ...


_ASKS = phrases(
    "what kind|what type|which|do you like|did you like|favorite|favourite|have you seen|looking for|prefer"
)
_RECOMMENDS = phrases(
    "how about|what about|have you seen|you should|you might|try|recommend|suggest|check out|you could"
)
_EXPLAINS = phrases(
    "because|it's about|it is about|it has|with|stars|starring|directed|plays|story|funny|similar to|based on"
)
_ACCEPTS = phrases(
    "i'll watch|i will watch|i'll check|i will check|sounds good|sounds great|love that|loved that|loved it|liked it"
    "|great movie|good one|thanks|thank you|perfect|i'll try|i will try|good suggestion|great suggestion|awesome"
)
_REJECTS = phrases(
    "didn't like|don't like|not a fan|hated|hate|not really|something else|no thanks|not my|not interested|boring|nope"
)
_INQUIRES = phrases(
    "what is it about|what's it about|who is in it|who's in it|tell me more|anything else|any other|more"
)
_PRESENT, _ASKED = 0.7, 0.9
_QUESTION = re.compile(r"\?")


class RuleActs:
    """Finds acts by phrases; the fallback without a trained classifier."""

    name = "rules"

    def read_recommender(self, texts: Sequence[str]) -> RecommenderActs:
        """Acts of N texts of a recommender, titles of films taken out of them."""
        lower = [text.lower().replace("\u2019", "'") for text in texts]
        asks = [_ASKED if _QUESTION.search(text) and _ASKS.search(text) else 0.0 for text in lower]
        return RecommenderActs(np.array(asks), _found(_RECOMMENDS, lower), _found(_EXPLAINS, lower))

    def read_seeker(self, texts: Sequence[str]) -> SeekerActs:
        """Acts of N texts of a seeker."""
        lower = [text.lower().replace("\u2019", "'") for text in texts]
        inquires = [_ASKED if _QUESTION.search(text) else _PRESENT * bool(_INQUIRES.search(text)) for text in lower]
        return SeekerActs(_found(_ACCEPTS, lower), _found(_REJECTS, lower), np.array(inquires))


def _found(pattern: re.Pattern[str], texts: Sequence[str]) -> np.ndarray:
    return np.array([_PRESENT if pattern.search(text) else 0.0 for text in texts])
