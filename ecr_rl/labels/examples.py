"""The (context, reply) examples that a critic learns from: human replies of a corpus, and made ones of known kinds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecr_rl.labels.evidence import Evidence
from ecr_rl.labels.kinds import MADE, Kind, ReplyMaker
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films
from envs.heads import Exchange

HUMAN_SHARE = 0.55
"""Share of human replies among the examples; the made kinds share the rest evenly."""


@dataclass(frozen=True, slots=True)
class Example:
    """One reply to judge, how it came to be, and the 0-based position of its dialogue in the split."""

    evidence: Evidence
    kind: Kind
    dialogue: int


def human_evidence(dialogue: Dialogue, catalog: Catalog) -> list[Evidence]:
    """The dialogue's recommender turns, each with the turns before it; turns without text are left out."""
    turns = [Utterance(turn.role, catalog.render(turn.text), turn.first_message) for turn in dialogue.utterances]
    films = [tuple(film for film in mentioned_films(turn.text) if film in catalog) for turn in dialogue.utterances]
    found: list[Evidence] = []
    for place, turn in enumerate(turns):
        if turn.role is not Role.RECOMMENDER or not turn.text.strip():
            continue
        seekers = [films[i] for i in range(place) if turns[i].role is Role.SEEKER]
        found.append(
            Evidence(
                exchange=Exchange(tuple(turns[:place]), turn.text),
                films=films[place],
                named=_each_once(films[:place]),
                told=_each_once(seekers),
                asked=films[place - 1] if place else (),
                profile=dialogue.profile,
                next_turn=turns[place + 1].text if place + 1 < len(turns) else "",
            )
        )
    return found


def build_examples(dialogues: Sequence[Dialogue], catalog: Catalog, count: int, seed: int) -> list[Example]:
    """Examples of the dialogues: about 55 % human replies, the rest made, in a seeded order.

    Args:
        dialogues: where the human replies come from.
        catalog: their films.
        count: examples at most; fewer where the dialogues have too few human replies.
        seed: the same seed gives the same examples.
    """
    rng = np.random.default_rng([seed, 11])
    cases = [(index, piece) for index, dialogue in enumerate(dialogues) for piece in human_evidence(dialogue, catalog)]
    order = rng.permutation(len(cases))
    humans = min(len(cases), round(count * HUMAN_SHARE))
    examples = [Example(cases[i][1], Kind.HUMAN, cases[i][0]) for i in order[:humans]]
    wanted = min(count - humans, round(humans * (1 - HUMAN_SHARE) / HUMAN_SHARE))
    examples += _made(cases, catalog, wanted, rng)
    return [examples[i] for i in rng.permutation(len(examples))]


def _made(
    cases: Sequence[tuple[int, Evidence]], catalog: Catalog, count: int, rng: np.random.Generator
) -> list[Example]:
    """``count`` made examples, the kinds taking turns; a draw that does not lend itself to its kind is drawn again."""
    maker = ReplyMaker(catalog, [piece for _, piece in cases])
    examples: list[Example] = []
    for attempt in range(20 * count):  # bounded: a corpus without films never gives a wrong one
        if len(examples) == count:
            break
        kind = MADE[len(examples) % len(MADE)] if attempt < 10 * count else Kind.GENERIC
        index, source = cases[int(rng.integers(len(cases)))]
        if (reply := maker.make(kind, source, rng)) is not None:
            examples.append(Example(made_evidence(source, *reply), kind, index))
    return examples


def made_evidence(source: Evidence, reply: str, films: tuple[int, ...]) -> Evidence:
    """The evidence of another reply to the source's context: the human's reply becomes its reference."""
    human = source.exchange.reply
    return replace(
        source, exchange=Exchange(source.exchange.context, reply), films=films, reference=human, next_turn=""
    )


def _each_once(films: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(film for turn in films for film in turn))
