"""Genres in text: which words mean which genre, and which genres a text wants or refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Set
from functools import lru_cache

from envs.film_text.words import phrases

_CLAUSE = re.compile(r"[.,;!?]|\bbut\b")

NEGATION = phrases(
    """not|no|never|don't|dont|didn't|didnt|isn't|isnt|without|hate|hated|dislike|avoid|nothing|tired of|sick of
    |except|less|can't stand|nor"""
)
"""Words that negate what follows them in the same clause."""

GENRES: dict[str, str] = {
    word: genre
    for genre, listing in {
        "action": "action|explosions|shootouts|fights",
        "adventure": "adventure|adventures|adventurous|quest",
        "animation": "animation|animated|cartoon|cartoons|anime|pixar",
        "biography": "biography|biopic|biographical",
        "comedy": "comedy|comedies|funny|hilarious|comedic|laugh|laughs|humor|humour",
        "crime": "crime|gangster|gangsters|heist|mob|mafia",
        "documentary": "documentary|documentaries",
        "drama": "drama|dramas|dramatic",
        "family": "family|kids|children|kid",
        "fantasy": "fantasy|magical|magic",
        "history": "history|historical",
        "horror": "horror|scary|scare|scares|creepy|terrifying|frightening|spooky|slasher|gory",
        "music": "music",
        "musical": "musical|musicals|songs",
        "mystery": "mystery|mysteries|whodunit|detective",
        "romance": "romance|romantic|romances|rom-com|romcom|love story|chick",
        "sci-fi": "sci-fi|scifi|science-fiction|space|futuristic|aliens|robots",
        "sport": "sport|sports|football|baseball|boxing",
        "superhero": "superhero|superheroes|marvel|comic",
        "thriller": "thriller|thrillers|suspense|suspenseful|thrilling",
        "war": "war|wartime|soldiers",
        "western": "western|westerns|cowboy|cowboys",
    }.items()
    for word in listing.split("|")
}
"""The genre that a word of a text means."""

GENRE_WORD = phrases("|".join(GENRES))

ALIASES = {
    "science fiction": "sci-fi",
    "science-fiction": "sci-fi",
    "scifi": "sci-fi",
    "romantic": "romance",
    "animated": "animation",
    "biopic": "biography",
    "sports": "sport",
    "kids": "family",
    "children": "family",
    "historical": "history",
}
"""Other spellings of genres in catalogues."""


def genre_name(genre: str) -> str:
    """The canonical name, in lower case, of a genre of a catalogue."""
    lower = genre.lower()
    return ALIASES.get(lower, lower)


@lru_cache(maxsize=50_000)
def said_genres(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The genres of a lower-case text: those without a negation, and those after a negation in the same clause."""
    said: set[str] = set()
    refused: set[str] = set()
    for clause in _CLAUSE.split(text):
        negation = NEGATION.search(clause)
        for match in GENRE_WORD.finditer(clause):
            target = refused if negation and negation.start() < match.start() else said
            target.add(GENRES[match.group()])
    return frozenset(said), frozenset(refused)


def genre_match(genres: Set[str], wanted: Set[str]) -> float:
    """The square root of the share of a film's genres (at least one) that are wanted.

    The root makes the match milder: a film of three genres still suits if one of them is wanted.
    """
    return math.sqrt(len(genres & wanted) / len(genres))


def genre_overlap(first: Set[str], second: Set[str]) -> float:
    """Jaccard's index of two films' genres; 0 where neither has any."""
    return len(first & second) / max(1, len(first | second))
