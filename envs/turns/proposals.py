"""Film recommenders propose the films of a turn before the policy writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Utterance, named_films


class FilmRecommender(Protocol):
    """Proposes films; it reads only the turns so far."""

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """Up to ``count`` film ids for each context, best first, without the films that it names as ``@id``."""
        ...


class PopularFilms:
    """Proposes the films that the corpus names most."""

    def __init__(self, dialogues: Sequence[Dialogue], catalog: Catalog) -> None:
        """Rank the catalogue by mentions in the dialogues, then by the catalogue's own count, ties by id."""
        counts = Counter(mention.film_id for dialogue in dialogues for mention in dialogue.mentions)
        self._ranked = sorted(catalog.ids, key=lambda film: (-counts[film], -catalog[film].mentions, film))

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """For each context the most named films that it does not name itself."""
        proposals = []
        for context in contexts:
            named = named_films(context)
            unnamed = (film for film in self._ranked if film not in named)
            proposals.append([film for film, _ in zip(unnamed, range(count), strict=False)])
        return proposals
