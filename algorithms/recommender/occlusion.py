"""Explain a recommender's score of a film by leaving out one mention or one word of the context at a time.

A mention or word speaks for film ``f`` as far as the film's log-share of the catalogue falls without it (occlusion,
Zeiler & Fergus 2014). This works with any ``FilmScorer``; all contexts are scored in one call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from algorithms.recommender.scorer import FilmScorer, log_shares
from envs.dialogue import MENTION, Utterance, mentioned_film, mentioned_films

_Item = TypeVar("_Item", int, str)

LEAST = 0.01
"""The smallest drop that is reported, in nats: about a hundredth of a film's share."""
_WORD = re.compile(r"(?<!@)\b[^\W\d_]{2,}(?:['-][^\W\d_]+)*\b")


@dataclass(frozen=True, slots=True)
class Reasons:
    """The mentions and words that speak for one film, strongest first: (film id, drop) and (word, drop), in nats."""

    films: tuple[tuple[int, float], ...]
    words: tuple[tuple[str, float], ...]


def reasons(scorer: FilmScorer, context: Sequence[Utterance], films: Sequence[int], count: int = 3) -> list[Reasons]:
    """Find the mentions and words that speak for each film.

    Args:
        scorer: the recommender.
        context: the conversation so far, films as ``@id``.
        films: ids of the catalogue.
        count: the most mentions, and the most words, for each film.
    """
    named = list(dict.fromkeys(film for turn in context for film in mentioned_films(turn.text)))
    words = list(dict.fromkeys(word for turn in context for word in _WORD.findall(turn.text.lower())))
    occluded = [_left_out(context, MENTION, lambda match, film=film: mentioned_film(match) == film) for film in named]
    occluded += [_left_out(context, _WORD, lambda match, word=word: match[0].lower() == word) for word in words]
    columns = {film: column for column, film in enumerate(scorer.catalog.ids)}
    shares = log_shares(scorer.scores([context, *occluded]))[:, [columns[film] for film in films]]
    drops = (shares[0] - shares[1:]).T
    return [
        Reasons(_strongest(named, row[: len(named)], count), _strongest(words, row[len(named) :], count))
        for row in drops
    ]


def _strongest(items: Sequence[_Item], drops: np.ndarray, count: int) -> tuple[tuple[_Item, float], ...]:
    best = np.argsort(-drops, kind="stable")[:count].tolist()
    return tuple((items[index], float(drops[index])) for index in best if drops[index] >= LEAST)


def _left_out(
    context: Sequence[Utterance], pattern: re.Pattern[str], leaves: Callable[[re.Match[str]], bool]
) -> list[Utterance]:
    """The context without the given matches."""
    return [
        replace(turn, text=pattern.sub(lambda match: "" if leaves(match) else match[0], turn.text)) for turn in context
    ]
