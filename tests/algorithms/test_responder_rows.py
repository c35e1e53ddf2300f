"""Training rows: what carries loss, whose films and emotions are shown, and what fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from algorithms.answer_emotions import AnswerPlanner
from algorithms.responder_rows import Advice, ResponderRows, reply_with_names, reply_with_slots
from algorithms.settings import PolicySettings
from envs.settings import EnvSettings
from tests.algorithms.doubles import POLICY, tiny_text
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    NOTEBOOK,
    TOY_STORY,
    ScriptedPlanner,
    ScriptedRecommender,
    dialogue,
    six_films,
    three_dialogues,
)

FILMS = six_films()
TEXT = tiny_text()


@pytest.mark.parametrize(
    ("said", "proposal", "reply", "learned"),
    [
        ("Try @11 then", [CONJURING], "Try <movie> then", True),
        ("Try @11 , or @15 !", [ALIEN, CONJURING], "Try <movie2>, or <movie>!", True),
        ("Try @11 then", [ALIEN], "Try The Conjuring (2013) then", False),
        ("Good evening", [ALIEN, CONJURING], "Good evening", True),
        ("I say <seeker> @14", [NOTEBOOK], "I say <movie>", True),
        ("<end>", [], "", False),
    ],
)
def test_proposed_films_become_slots_and_others_are_not_learned(
    said: str, proposal: list[int], reply: str, learned: bool
) -> None:
    assert reply_with_slots(said, proposal, FILMS) == (reply, learned)


def advice(*films: int) -> Advice:
    return Advice(ScriptedRecommender(*films), cast(AnswerPlanner, Told()))


class Told(ScriptedPlanner):
    """Plans surprise, and reads nostalgia in every reply."""

    def __init__(self) -> None:
        super().__init__("surprise")

    def carried(self, replies: Sequence[str]) -> list[tuple[str, ...]]:
        return [("nostalgia", "like") for _ in replies]


def rows(policy: PolicySettings = POLICY, proposed: tuple[int, ...] = (CONJURING, NOTEBOOK)) -> ResponderRows:
    text = TEXT if policy is POLICY else tiny_text(policy)
    return ResponderRows(three_dialogues(), FILMS, advice(*proposed), text, EnvSettings(), 0)


def test_loss_stands_on_replies_alone_and_each_ends() -> None:
    drawn = rows()
    for row in (drawn.row(epoch, index) for epoch in range(6) for index in range(len(drawn))):
        edges = np.flatnonzero(np.diff(row.loss.astype(int), prepend=0, append=0))
        for start, stop in edges.reshape(-1, 2):
            assert row.tokens[start - 1] == TEXT.tokenizer.convert_tokens_to_ids("<recommender>")
            reply = TEXT.reply(row.tokens[start:stop])
            assert "<seeker>" not in reply and "<proposal>" not in reply and "<cut>" not in reply
        assert not row.loss[0]


def test_every_row_fits_the_positions() -> None:
    small = POLICY.model_copy(update={"positions": 60, "max_history": 30, "max_observation": 24})
    drawn = rows(small)
    lengths = [len(drawn.row(epoch, index).tokens) for epoch in range(10) for index in range(len(drawn))]
    assert max(lengths) <= 60
    assert max(len(rows().row(epoch, 0).tokens) for epoch in range(10)) > 60, "no row was long: nothing was tested"


def test_reply_with_a_film_that_nobody_proposed_is_context_without_loss() -> None:
    talk = [dialogue("S: Hi\nR: @12\nS: No\nR: Bye")]
    drawn = ResponderRows(talk, FILMS, advice(ALIEN), TEXT, EnvSettings(), 0)
    seen = set()
    for row in (drawn.row(epoch, 0) for epoch in range(20)):
        assert "Toy" not in TEXT.reply(row.tokens[row.loss])
        everything = TEXT.reply(row.tokens)
        if "Alien (1979), horror, sci-fi<recommender>Toy Story (1995)" in everything:
            seen.add("declined")
        if "Toy Story (1995), animation, comedy<recommender> <movie>" in everything:
            seen.add("own film proposed")
    assert seen == {"declined", "own film proposed"}


def test_row_is_a_function_of_epoch_and_index() -> None:
    first, again = rows(), rows()
    assert again.row(3, 1).tokens.tolist() == first.row(3, 1).tokens.tolist()
    assert len({tuple(first.row(epoch, 0).tokens.tolist()) for epoch in range(8)}) > 1


def test_emotions_are_the_humans_or_the_planners_whatever_the_films_are() -> None:
    talk = [dialogue("S: Hi\nR: @12")]
    drawn = ResponderRows(talk, FILMS, advice(ALIEN), TEXT, EnvSettings(), 0)
    shown = [TEXT.reply(drawn.row(epoch, 0).tokens).split("<emotion>")[1] for epoch in range(200)]
    emotions = [text.split("<proposal>")[0] for text in shown]
    assert set(emotions) == {"surprise", "nostalgia, like"}
    assert 60 < emotions.count("surprise") < 140
    assert len({(emotion, "<proposal>Toy" in text) for emotion, text in zip(emotions, shown, strict=True)}) == 4


def test_an_unconditioned_policy_is_shown_neither_and_learns_slots_all_the_same() -> None:
    talk = [dialogue("S: Hi\nR: @12 or @13")]
    row = ResponderRows(talk, FILMS, None, TEXT, EnvSettings(), 0).row(0, 0)
    assert TEXT.reply(row.tokens) == "<seeker>Hi<emotion><proposal><recommender> <movie> or <movie2>"
    assert TEXT.reply(row.tokens[row.loss]) == "<movie> or <movie2>"


def test_replies_carry_their_weights_and_the_rest_none() -> None:
    talk = [dialogue("S: Hi\nR: Bye\nS: No\nR: Hm")]
    drawn = ResponderRows(talk, FILMS, advice(ALIEN), TEXT, EnvSettings(), 0, {(0, 1): 1.5})
    row = next(row for row in (drawn.row(epoch, 0) for epoch in range(20)) if len(set(row.weights)) == 3)
    assert row.weights[row.loss].tolist() == [1.5] * len(TEXT.action("Bye")) + [1.0] * len(TEXT.action("Hm"))
    assert not row.weights[~row.loss].any()


@pytest.mark.parametrize(("proposed", "weight"), [(ALIEN, 2.0), (TOY_STORY, 1.0)])
def test_a_film_that_is_learned_half_as_often_weighs_twice(proposed: int, weight: float) -> None:
    drawn = ResponderRows([dialogue("S: Hi\nR: @12")], FILMS, advice(proposed), TEXT, EnvSettings(), 0)
    rows = [row for row in (drawn.row(epoch, 0) for epoch in range(60)) if row.loss.any()]
    assert {value for row in rows for value in row.weights[row.loss].tolist()} == {weight}
    learned = sum(row.weights[row.loss][0] for row in rows)
    assert learned == pytest.approx(60, abs=20), "over the epochs it counts as a reply without films does"


def test_a_dialogue_without_a_recommender_gives_an_empty_row() -> None:
    assert not len(ResponderRows([dialogue("S: Hi")], FILMS, advice(ALIEN), TEXT, EnvSettings(), 0).row(0, 0).tokens)


def test_films_get_the_names_they_are_given() -> None:
    assert reply_with_names("See @11 , or <end>@15!", lambda film: f"[{film}]") == "See [11], or [15]!"
