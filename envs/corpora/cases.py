"""Recommendation cases: the messages at which a film recommender is judged, and how many of them a corpus has.

``full`` and ``dedup`` follow Kostric & Balog (SIGIR 2026): a case is a recommender message (as in the file, not merged
into turns) that names at least one film and has messages before it. A film counts when its ``@id`` is in the text and
in ``movieMentions``. The context is every message before it, of both roles, and nothing else. ``masked`` is the
project's own protocol: the films of one message, of either role, are masked, and the recommender recovers them from the
whole dialogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from envs.catalog import Catalog, Film, split_name
from envs.corpora.corpus import Corpus
from envs.dialogue import HIDDEN, MENTION, Dialogue, Message, Role, Utterance, mentioned_film, merged

Protocol = Literal["full", "dedup", "masked"]
"""Which films are the targets. ``full``: all films of a recommender's message; ``dedup``: only those that no earlier
message of either role names; ``masked``: all films of a message of either role, masked in the whole dialogue."""
PROTOCOLS: tuple[Protocol, ...] = ("full", "dedup")
"""The protocols of recommendation; cases are counted by them. Figures of two protocols never share a column."""


@dataclass(frozen=True, slots=True)
class RecommendationCase:
    """One case.

    Attributes:
        dialogue: the dialogue's ``index``.
        message: 0-based, as in the file.
        context: what a recommender is given.
        targets: the films to be recommended, in the order of the message.
    """

    dialogue: int
    message: int
    context: tuple[Utterance, ...]
    targets: tuple[int, ...]


def cases(dialogue: Dialogue, protocol: Protocol) -> Iterator[RecommendationCase]:
    """The cases of one dialogue, in order."""
    if protocol == "masked":
        yield from _masked(dialogue)
        return
    named: set[int] = set()
    for message, mentioned in _films_by_message(dialogue).items():
        targets = mentioned if protocol == "full" else [film_id for film_id in mentioned if film_id not in named]
        named.update(mentioned)
        if message > 0 and targets and dialogue.messages[message].role is Role.RECOMMENDER:
            yield RecommendationCase(dialogue.index, message, context(dialogue, message), tuple(targets))


def context(dialogue: Dialogue, message: int) -> tuple[Utterance, ...]:
    """The messages before a message of the file (0-based), a speaker's consecutive ones merged."""
    return merged(dialogue.messages[:message])


def _masked(dialogue: Dialogue) -> Iterator[RecommendationCase]:
    """For each message that names films, the dialogue with ``HIDDEN`` in their place and no other mention of them.

    Both forms of a target are removed: ``@id``, and the titles that ``Catalog.find`` would see.
    """
    for message, targets in _films_by_message(dialogue).items():
        hidden = Catalog(Film(film, *split_name(dialogue.titles[film])) for film in targets)
        rest = [
            Message(each.role, _without(each.text, hidden, blank=index == message))
            for index, each in enumerate(dialogue.messages)
        ]
        yield RecommendationCase(dialogue.index, message, merged(rest), tuple(targets))


def _without(text: str, films: Catalog, blank: bool) -> str:
    """Remove the mentions of the films from the text; with ``blank``, replace each by ``HIDDEN``."""
    left = MENTION.sub(lambda match: HIDDEN if blank else "" if mentioned_film(match) in films else match[0], text)
    return " ".join(films.strip_titles(left)[0].split())


def _films_by_message(dialogue: Dialogue) -> dict[int, list[int]]:
    films: dict[int, list[int]] = {}
    for mention in dialogue.mentions:
        films.setdefault(mention.message, []).append(mention.film_id)
    return films


def corpus_statistics(corpus: Corpus) -> dict[str, object]:
    """Counts of each split, and of the repairs, as a JSON object.

    For ``train`` (validation taken out), ``valid`` and ``test``: ``dialogues``, ``messages``, and for both protocols
    ``cases`` and ``mentions`` (targets over all cases). ``repairs`` is a further key.
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
