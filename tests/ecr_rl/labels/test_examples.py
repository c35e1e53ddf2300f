"""Examples of known kinds: where they come from, what they are, that they are seeded."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ecr_rl.labels.judging.read_text import FilmFacts
from ecr_rl.labels.replies.examples import Example, build_examples, human_examples
from ecr_rl.labels.replies.made_replies import MADE, Kind, PolicyReply, cold, repetitive, reserved_films, truncated
from ecr_rl.labels.replies.phrases import HELD_OUT, TRAINING
from envs.catalog import Catalog, Film
from envs.corpora.embedded.sample import sample_corpus
from envs.dialogue import Dialogue, Message, Role

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
    cases = human_examples([Dialogue(1, 0, messages, {1: "", 2: ""})], catalog)
    assert [(case.dialogue, case.turn) for case in cases] == [(0, 0), (0, 2)]
    first, second = (case.evidence for case in cases)
    assert first.exchange.context == ()
    assert second.exchange.reply == "Then The Conjuring (2013), or Airplane! (1980) again"
    assert second.exchange.context[1].text == "I liked Airplane! (1980)"
    assert (second.films, second.named, second.told, second.asked) == ((1, 2), (2,), (2,), (2,))
    assert second.next_turn == "Thanks"


def test_humans_are_the_larger_part_and_every_kind_is_there(examples: list[Example]) -> None:
    kinds = Counter(example.kind for example in examples)
    assert 0.5 < kinds[Kind.HUMAN] / len(examples) < 0.6
    assert set(kinds) == set(Kind) - {Kind.POLICY}
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


def test_no_training_reply_names_a_reserved_film_wrongly(examples: list[Example]) -> None:
    reserved = reserved_films(CATALOG)
    assert 0 < len(reserved) < len(CATALOG) / 4
    for example in examples:
        if example.kind is Kind.WRONG_FILM:
            human = {
                film for film in example.evidence.films if CATALOG.title(film) in (example.evidence.reference or "")
            }
            assert not (set(example.evidence.films) - human) & reserved


def test_held_out_phrases_are_no_training_phrases() -> None:
    for name in ("generic", "cold", "cold_film", "gush", "gush_film"):
        assert not set(getattr(TRAINING, name)) & set(getattr(HELD_OUT, name))


def test_the_policys_replies_take_a_fifth() -> None:
    cases = human_examples(DIALOGUES, CATALOG)
    replies = [PolicyReply(case.dialogue, case.turn, 1.0, "Watch it.", "Watch it.", (), cut=True) for case in cases]
    found = build_examples(
        DIALOGUES, CATALOG, 500, seed=0, policy=[*replies, PolicyReply(0, 999, 1.0, "x", "x", (), False)]
    )
    kinds = Counter(example.kind for example in found)
    assert len(found) == 500
    assert kinds[Kind.POLICY] == 105
    assert kinds[Kind.HUMAN] == 230
    sampled = next(example for example in found if example.kind is Kind.POLICY)
    assert sampled.evidence.cut
    assert sampled.temperature == 1.0
    assert sampled.evidence.reference is not None


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
    assert truncated("too short", rng) is None
    cut = truncated(reply, rng)
    assert cut is not None
    assert reply.startswith(cut)
    assert len(cut) < len(reply)
    again = repetitive(reply, rng)
    assert again is not None
    assert len(set(again.split())) < len(again.split())
    assert "The Conjuring (2013)" in cold(reply, ["The Conjuring (2013)"], TRAINING, rng)
