"""Recommendation cases: the recommender messages at which a film recommender is judged, and a corpus's counts.

Protocol of Kostric & Balog (SIGIR 2026): a case is a recommender message (as in the file, not merged into turns) that
names at least one film and has messages before it. A film counts when ``@id`` stands in the text and in
``movieMentions``. The context is every message before it, of both roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from envs.corpus import Corpus
from envs.dialogue import Dialogue, Role

Protocol = Literal["full", "dedup"]
"""``full``: all films of the message; ``dedup``: only those that no earlier message names, by either role."""
PROTOCOLS: tuple[Protocol, ...] = ("full", "dedup")
"""Both protocols; their figures never share a column."""


@dataclass(frozen=True, slots=True)
class RecommendationCase:
    """One case: the dialogue's ``index``, the 0-based message, and the films that the message names, in order."""

    dialogue: int
    message: int
    targets: tuple[int, ...]


def cases(dialogue: Dialogue, protocol: Protocol) -> Iterator[RecommendationCase]:
    """The cases of one dialogue, in order."""
    named: set[int] = set()
    films: dict[int, list[int]] = {}
    for mention in dialogue.mentions:
        films.setdefault(mention.message, []).append(mention.film_id)
    for message, mentioned in films.items():
        targets = mentioned if protocol == "full" else [film_id for film_id in mentioned if film_id not in named]
        named.update(mentioned)
        if message > 0 and targets and dialogue.messages[message].role is Role.RECOMMENDER:
            yield RecommendationCase(dialogue.index, message, tuple(targets))


def corpus_statistics(corpus: Corpus) -> dict[str, object]:
    """Counts a split, and the repairs, as a JSON object.

    For ``train`` (validation taken out), ``valid`` and ``test``: ``dialogues``, ``messages``, and for both protocols
    ``cases`` and ``mentions`` (targets over all cases). ``repairs`` stands beside the splits.
    """
    splits = {name: split_statistics(dialogues) for name, dialogues in corpus.splits.items()}
    return {**splits, "repairs": dict(sorted(corpus.repairs.items()))}


def split_statistics(dialogues: tuple[Dialogue, ...]) -> dict[str, object]:
    """The counts of some dialogues: see ``corpus_statistics``."""
    counts: dict[str, object] = {
        "dialogues": len(dialogues),
        "messages": sum(len(dialogue.messages) for dialogue in dialogues),
    }
    for protocol in PROTOCOLS:
        targets = [len(case.targets) for dialogue in dialogues for case in cases(dialogue, protocol)]
        counts[protocol] = {"cases": len(targets), "mentions": sum(targets)}
    return counts
