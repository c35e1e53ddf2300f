"""Examples of known kinds: where they come from, what they are, that they are seeded."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ecr_rl.labels.examples import Example, build_examples, human_evidence
from ecr_rl.labels.kinds import MADE, Kind, cold, repetitive, truncated
from ecr_rl.labels.reading import FilmFacts
from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Message, Role
from envs.sample import sample_corpus

DIALOGUES, CATALOG = sample_corpus(200)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return build_examples(DIALOGUES, CATALOG, 1200, seed=0)


def test_the_evidence_of_a_dialogue_is_rendered_and_split_by_speaker() -> None:
    catalog = Catalog([Film(1, "The Conjuring", 2013), Film(2, "Airplane!", 1980)])
    messages = (
        Message(Role.RECOMMENDER, "Hi!"),
        Message(Role.SEEKER, "I liked @2"),
        Message(Role.RECOMMENDER, "Then @1, or @2 again"),
        Message(Role.SEEKER, "Thanks"),
    )
    first, second = human_evidence(Dialogue(1, 0, messages, {1: "", 2: ""}), catalog)
    assert first.exchange.context == ()
    assert second.exchange.reply == "Then The Conjuring (2013), or Airplane! (1980) again"
    assert second.exchange.context[1].text == "I liked Airplane! (1980)"
    assert (second.films, second.named, second.told, second.asked) == ((1, 2), (2,), (2,), (2,))
    assert second.next_turn == "Thanks"


def test_humans_are_the_larger_part_and_every_kind_is_there(examples: list[Example]) -> None:
    kinds = Counter(example.kind for example in examples)
    assert 0.5 < kinds[Kind.HUMAN] / len(examples) < 0.6
    assert set(kinds) == set(Kind)
    assert max(kinds[kind] for kind in MADE) - min(kinds[kind] for kind in MADE) <= 1


def test_made_replies_carry_the_humans_as_reference_and_no_reaction(examples: list[Example]) -> None:
    for example in examples:
        made = example.kind is not Kind.HUMAN
        assert (example.evidence.reference is not None) is made
        if made:
            assert example.evidence.next_turn == ""


def test_a_wrong_film_does_not_suit(examples: list[Example]) -> None:
    facts = FilmFacts(CATALOG)
    wrong = [example.evidence for example in examples if example.kind is Kind.WRONG_FILM]
    assert wrong
    for piece in wrong:
        new = [film for film in piece.films if film not in piece.named]
        assert new
        assert not set(new) & piece.profile.liked
        assert all(CATALOG.title(film) in piece.exchange.reply for film in new)
        unsuited = [not facts.genres((film,)) & set(piece.profile.tastes) for film in new]
        assert all(film in piece.profile.disliked or bad for film, bad in zip(new, unsuited, strict=True))


def test_the_films_of_an_example_stand_in_its_reply(examples: list[Example]) -> None:
    for example in examples:
        for film in example.evidence.films:
            assert CATALOG.title(film) in example.evidence.exchange.reply


def test_the_same_seed_gives_the_same_examples(examples: list[Example]) -> None:
    assert build_examples(DIALOGUES, CATALOG, 1200, seed=0) == examples
    assert build_examples(DIALOGUES, CATALOG, 1200, seed=1) != examples


def test_makers_of_text() -> None:
    rng = np.random.default_rng(0)
    reply = "How about The Conjuring (2013)? It is a scary film."
    assert truncated("too short", [], rng) is None
    cut = truncated(reply, [], rng)
    assert cut is not None
    assert reply.startswith(cut)
    assert len(cut) < len(reply)
    again = repetitive(reply, [], rng)
    assert again is not None
    assert again.count("scary") >= 2 or again.count("Conjuring") >= 2
    assert "The Conjuring (2013)" in cold(reply, ["The Conjuring (2013)"], rng)
