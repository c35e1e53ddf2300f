"""The recommender's side of a turn: which films it proposes before the policy writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Utterance, named_films


class FilmRecommender(Protocol):
    """Proposes films from the turns so far, and from nothing else."""

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """Up to ``count`` film ids for each context, best first, none that the context names (``@id``)."""
        ...


class PopularFilms:
    """Proposes the films that the corpus names most."""

    def __init__(self, dialogues: Sequence[Dialogue], catalog: Catalog) -> None:
        """Rank the catalogue by mentions in the dialogues, then by the catalogue's own count, ties by id."""
        counts = Counter(mention.film_id for dialogue in dialogues for mention in dialogue.mentions)
        self._ranked = sorted(catalog.ids, key=lambda film: (-counts[film], -catalog[film].mentions, film))

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """The most named films that each context does not name yet."""
        proposals = []
        for context in contexts:
            named = named_films(context)
            unnamed = (film for film in self._ranked if film not in named)
            proposals.append([film for film, _ in zip(unnamed, range(count), strict=False)])
        return proposals
