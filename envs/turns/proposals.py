"""Film recommenders propose the films of a turn before the policy writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from envs.catalog import Catalog
from envs.dialogue import Dialogue, Utterance, named_films


class FilmRecommender(Protocol):
    """Proposes films; it reads only the turns so far."""

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """Up to ``count`` film ids for each context, best first, without the films that it names as ``@id``."""
        ...


@runtime_checkable
class RecommenderByDialogue(Protocol):
    """Chooses the recommender that proposes films in the conversations that start from a dialogue."""

    def for_dialogue(self, dialogue: Dialogue) -> FilmRecommender:
        """The recommender; it is given the turns so far, and nothing else of the dialogue."""
        ...


Recommenders = FilmRecommender | RecommenderByDialogue
"""One recommender for all dialogues, or a choice by dialogue."""


def propose_films(
    recommenders: Recommenders, dialogues: Sequence[Dialogue], contexts: Sequence[Sequence[Utterance]], count: int
) -> list[list[int]]:
    """Propose films for N contexts, in at most one call of each recommender.

    Args:
        recommenders: who proposes.
        dialogues: of each context, the dialogue that it comes from.
        contexts: the turns so far.
        count: films of a proposal, at most.
    """
    if not isinstance(recommenders, RecommenderByDialogue):
        return recommenders.propose(contexts, count)
    chosen = [recommenders.for_dialogue(dialogue) for dialogue in dialogues]
    proposals: list[list[int]] = [[] for _ in contexts]
    for recommender in {id(each): each for each in chosen}.values():
        rows = [row for row, each in enumerate(chosen) if each is recommender]
        for row, films in zip(rows, recommender.propose([contexts[row] for row in rows], count), strict=True):
            proposals[row] = films
    return proposals


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
