"""Genres in text: which words speak of which genre, and what a text wants or refuses."""

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
"""Words that turn what follows them, inside a clause, into its contrary."""

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
"""Words of a text to the genre that they speak of."""

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
    """A catalogue's genre in lower case, under the one name that it has here."""
    lower = genre.lower()
    return ALIASES.get(lower, lower)


@lru_cache(maxsize=50_000)
def said_genres(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """The genres of a lower-case text: those said plainly, and those after a negation in the same clause."""
    said: set[str] = set()
    refused: set[str] = set()
    for clause in _CLAUSE.split(text):
        negation = NEGATION.search(clause)
        for match in GENRE_WORD.finditer(clause):
            target = refused if negation and negation.start() < match.start() else said
            target.add(GENRES[match.group()])
    return frozenset(said), frozenset(refused)


def genre_match(genres: Set[str], wanted: Set[str]) -> float:
    """How far a film of these genres (one at least) is what is wanted: the square root of the share that is.

    The root, since a film of three genres of which one is wanted still suits.
    """
    return math.sqrt(len(genres & wanted) / len(genres))


def genre_overlap(first: Set[str], second: Set[str]) -> float:
    """Jaccard's index of two films' genres; 0 where neither has any."""
    return len(first & second) / max(1, len(first | second))
