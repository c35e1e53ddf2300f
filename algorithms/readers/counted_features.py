"""Counted features of an exchange: length, punctuation, sentiment, repetition, and how films suit the context.

The critic reads them together with an encoder's hidden states, since an average over tokens blurs such counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from algorithms.readers.film_affinity import UNKNOWN
from algorithms.readers.film_table import FilmTable
from algorithms.readers.seeker_words import seeker_words
from algorithms.readers.sentiment import compound
from envs.dialogue import Role
from envs.film_text.genres import GENRE_WORD, GENRES, genre_match, genre_overlap, said_genres
from envs.film_text.words import WORD, repeated_share
from envs.heads import Exchange

NAMES = (
    *("words", "log_words", "distinct", "repeated", "questions", "exclamations", "finished", "sentiment"),
    *("seeker_sentiment", "overlap", "shared_words", "opens", "answers_seeker", "films", "new_films", "films_again"),
    *("match", "match_known", "refused", "kin", "person", "affinity", "genre_right", "genre_wrong", "long_words"),
)
"""Names of the features, in their order."""

_LONGEST = 2000
"""A text is cut to this many characters."""
_NO_NEW_FILM = (0.0, 0.0, 0.0, 0.0, 0.0, UNKNOWN)
"""The features of ``_suits`` for a reply that names no new film."""


def surface(exchanges: Sequence[Exchange], films: FilmTable) -> np.ndarray:
    """The features of N exchanges, shape (N, len(NAMES)), float32, each roughly in [-1, 2]."""
    rows = [_counts(exchange) + _films(exchange, films) for exchange in exchanges]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(NAMES))


def _counts(exchange: Exchange) -> list[float]:
    reply = exchange.reply[:_LONGEST]
    words = _words(reply)
    answers = bool(exchange.context) and exchange.context[-1].role is Role.SEEKER
    asked = exchange.context[-1].text[:_LONGEST] if answers else ""
    said, distinct = set(_words(asked)), set(words)
    count = len(words)
    return [
        min(count, 100) / 20,
        math.log1p(count) / 2,
        len(distinct) / max(1, count),
        3 * repeated_share(list(pairwise(words))),
        min(2, reply.count("?")) / 2,
        min(4, reply.count("!")) / 4,
        float(reply.rstrip()[-1:] in tuple(".?!)")),
        compound(reply),
        compound(asked) if asked else 0.0,
        len(distinct & said) / max(1, len(distinct)),
        min(4, sum(len(word) > 3 for word in distinct & said)) / 4,
        float(not exchange.context),
        float(answers),
    ]


def _films(exchange: Exchange, films: FilmTable) -> list[float]:
    reply = exchange.reply[:_LONGEST]
    named = films.find(reply)
    turns = [turn.text[:_LONGEST] for turn in exchange.context]
    before = {name for text in turns for name in films.find(text)}
    new = [name for name in named if name not in before]
    spoken = {GENRES[word] for word in GENRE_WORD.findall(reply.lower())}
    about = frozenset[str]().union(*(films[name].genres for name in named))
    words = set(_words(reply))
    return [
        min(3, len(named)) / 2,
        min(3, len(new)) / 2,
        min(3, len(named) - len(new)) / 2,
        *(_suits(exchange, new, before, films) if new else _NO_NEW_FILM),
        min(3, len(spoken & about)) / 2,
        min(3, len(spoken - about)) / 2,
        min(20, sum(len(word) > 3 for word in words)) / 10,
    ]


def _suits(exchange: Exchange, new: Sequence[str], before: set[str], films: FilmTable) -> list[float]:
    """How the new films suit the context: the features ``match`` to ``affinity`` of ``NAMES``, means over the films."""
    told, wanted, refused, said = _wishes(exchange, films)
    match, known, unwanted, kin, person = 0.0, 0.0, 0.0, 0.0, 0.0
    for name in new:
        genres, people = films[name].genres, films[name].people
        if genres and wanted:
            known += 1
            match += genre_match(genres, wanted)
        unwanted += bool(genres & refused)
        kin += max((genre_overlap(genres, films[other].genres) for other in told), default=0.5)
        person += any(people & films[other].people for other in told)
    affinity = sum(films.affinity.of(before, said, new))
    return [total / len(new) for total in (match, known, unwanted, kin, person, affinity)]


def _wishes(exchange: Exchange, films: FilmTable) -> tuple[set[str], set[str], set[str], set[str]]:
    """The films that the seeker named, the genres that its words want and refuse, and the words."""
    told: set[str] = set()
    wanted: set[str] = set()
    refused: set[str] = set()
    words: set[str] = set()
    for turn in exchange.context:
        if turn.role is Role.SEEKER:
            text = turn.text[:_LONGEST]
            told.update(films.find(text))
            text = films.without_titles(text).lower()
            said, unwanted = said_genres(text)
            wanted |= said
            words |= seeker_words(text)
            refused |= unwanted
    wanted = wanted - refused or {genre for name in told for genre in films[name].genres} - refused
    return told, wanted, refused, words


@lru_cache(maxsize=50_000)
def _words(text: str) -> tuple[str, ...]:
    return tuple(WORD.findall(text.lower()))
