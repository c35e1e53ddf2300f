"""The (context, reply) examples that a critic learns from: human replies, made ones, and the supervised policy's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.replies.made_replies import MADE, Kind, PolicyReply, ReplyMaker
from envs.catalog import Catalog
from envs.dialogue import Dialogue, Role, Utterance, mentioned_films
from envs.heads import Exchange

HUMAN_SHARE, POLICY_SHARE = 0.46, 0.21
"""Shares of human and policy replies among the examples; the made kinds share the rest evenly."""


@dataclass(frozen=True, slots=True)
class Example:
    """One reply to judge and how it came to be.

    Attributes:
        evidence: the judge's input.
        kind: how the reply came to be.
        dialogue: 0-based position of its dialogue in the split.
        turn: 0-based index of the reply among the dialogue's utterances.
        temperature: of the policy's sampling; None for other kinds.
    """

    evidence: Evidence
    kind: Kind
    dialogue: int
    turn: int
    temperature: float | None = None


def human_examples(dialogues: Sequence[Dialogue], catalog: Catalog) -> list[Example]:
    """The recommender turns of the dialogues, each with the turns before it; turns without text are left out."""
    return [
        Example(piece, Kind.HUMAN, index, turn)
        for index, dialogue in enumerate(dialogues)
        for turn, piece in _human_evidence(dialogue, catalog)
    ]


def _human_evidence(dialogue: Dialogue, catalog: Catalog) -> Iterable[tuple[int, Evidence]]:
    turns = [Utterance(turn.role, catalog.render(turn.text), turn.first_message) for turn in dialogue.utterances]
    films = [tuple(film for film in mentioned_films(turn.text) if film in catalog) for turn in dialogue.utterances]
    for index, turn in enumerate(turns):
        if turn.role is not Role.RECOMMENDER or not turn.text.strip():
            continue
        seekers = [films[i] for i in range(index) if turns[i].role is Role.SEEKER]
        yield (
            index,
            Evidence(
                exchange=Exchange(tuple(turns[:index]), turn.text),
                films=films[index],
                named=_each_once(films[:index]),
                told=_each_once(seekers),
                asked=films[index - 1] if index else (),
                profile=dialogue.profile,
                next_turn=turns[index + 1].text if index + 1 < len(turns) else "",
            ),
        )


def build_examples(
    dialogues: Sequence[Dialogue], catalog: Catalog, count: int, seed: int, policy: Sequence[PolicyReply] = ()
) -> list[Example]:
    """Examples of the dialogues: human replies, policy replies and made kinds, in a seeded order.

    With policy replies the shares are 46 % human, 21 % policy and the rest made; without them, 55 % human.

    Args:
        dialogues: the source of the human replies.
        catalog: their films.
        count: examples at most; fewer where the dialogues have too few human replies.
        seed: the same seed gives the same examples.
        policy: the policy's replies to turns of these dialogues; empty replies are left out.
    """
    rng = np.random.default_rng([seed, 11])
    cases = human_examples(dialogues, catalog)
    order = rng.permutation(len(cases))
    sampled = policy_examples(cases, policy)
    share = HUMAN_SHARE if sampled else HUMAN_SHARE / (1 - POLICY_SHARE)
    humans = [cases[i] for i in order[: min(len(cases), round(count * share))]]
    total = min(count, round(len(humans) / share))
    sampled = sampled[: round(total * POLICY_SHARE)]
    examples = [*humans, *sampled, *made_examples(cases, catalog, total - len(humans) - len(sampled), rng)]
    return [examples[i] for i in rng.permutation(len(examples))]


def policy_examples(cases: Sequence[Example], replies: Sequence[PolicyReply]) -> list[Example]:
    """The policy's replies as examples of the cases they answer; those without text or without a case are left out."""
    by_place = {(case.dialogue, case.turn): case for case in cases}
    examples = []
    for reply in replies:
        case = by_place.get((reply.dialogue, reply.turn))
        if case is not None and reply.text.strip():
            piece = replace(made_evidence(case.evidence, reply.text, reply.films), cut=reply.cut)
            examples.append(Example(piece, Kind.POLICY, reply.dialogue, reply.turn, reply.temperature))
    return examples


def made_examples(
    cases: Sequence[Example], catalog: Catalog, count: int, rng: np.random.Generator, maker: ReplyMaker | None = None
) -> list[Example]:
    """Make ``count`` examples, one kind after the other; a case that does not suit its kind is drawn again.

    Args:
        cases: human examples that replies are made from.
        catalog: their films.
        count: how many.
        rng: draws cases and edits.
        maker: makes the replies; by default one with the training's phrases.
    """
    maker = maker or ReplyMaker(catalog, [case.evidence for case in cases])
    examples: list[Example] = []
    for attempt in range(20 * count):  # bounded, since a corpus without films never gives a wrong film
        if len(examples) == count:
            break
        kind = MADE[len(examples) % len(MADE)] if attempt < 10 * count else Kind.GENERIC
        case = cases[int(rng.integers(len(cases)))]
        if (reply := maker.make(kind, case.evidence, rng)) is not None:
            piece = replace(made_evidence(case.evidence, *reply), cut=kind is Kind.TRUNCATED)
            examples.append(Example(piece, kind, case.dialogue, case.turn))
    return examples


def replies_of_kind(
    cases: Sequence[Example], maker: ReplyMaker, kind: Kind, rng: np.random.Generator
) -> Iterator[tuple[Example, Evidence]]:
    """The cases in random order, each with a reply of this kind; cases that do not suit the kind are left out."""
    for index in rng.permutation(len(cases)):
        case = cases[index]
        if (reply := maker.make(kind, case.evidence, rng)) is not None:
            yield case, replace(made_evidence(case.evidence, *reply), cut=kind is Kind.TRUNCATED)


def made_evidence(source: Evidence, reply: str, films: tuple[int, ...]) -> Evidence:
    """The evidence of another reply to the source's context; the human reply becomes its reference."""
    human = source.exchange.reply
    return replace(
        source, exchange=Exchange(source.exchange.context, reply), films=films, reference=human, next_turn=""
    )


def _each_once(films: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(film for turn in films for film in turn))
