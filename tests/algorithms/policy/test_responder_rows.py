"""Training rows: what carries loss, whose films and emotions are shown, and what fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.responder_rows import Advice, ResponderRows, reply_with_slots
from algorithms.settings.policy import PolicySettings
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
    return Advice(ScriptedRecommender(*films), cast(TrainedEmotionPlanner, Told()))


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


def shown(said: str, *proposed: int) -> tuple[str, str]:
    """The proposal that a human reply is learned with, and what is learned of it."""
    row = ResponderRows([dialogue(f"S: Hi\nR: {said}")], FILMS, advice(*proposed), TEXT, EnvSettings(), 0).row(0, 0)
    proposal = TEXT.reply(row.tokens).split("<proposal>")[1].split("<recommender>")[0]
    return proposal, TEXT.reply(row.tokens[row.loss]) if row.loss.any() else ""


def test_a_proposal_holds_the_humans_films_first_and_is_filled_up() -> None:
    toy, alien = "Toy Story (1995), animation, comedy", "Alien (1979), horror, sci-fi"
    assert shown("@12", ALIEN, CONJURING) == (f"{toy}; {alien}", "<movie>")
    assert shown("@12", TOY_STORY, ALIEN) == (f"{toy}; {alien}", "<movie>")
    assert shown("Hello", ALIEN, TOY_STORY) == (f"{alien}; {toy}", "Hello")


def test_a_reply_with_more_films_than_are_proposed_is_context_without_loss() -> None:
    proposal, learned = shown("@12 or @11 or @15", NOTEBOOK)
    assert proposal.startswith("Toy Story (1995)") and learned == ""


def test_row_is_a_function_of_epoch_and_index() -> None:
    first, again = rows(), rows()
    assert again.row(3, 1).tokens.tolist() == first.row(3, 1).tokens.tolist()
    assert len({tuple(first.row(epoch, 0).tokens.tolist()) for epoch in range(8)}) > 1


def test_emotions_are_those_that_the_human_reply_carries() -> None:
    drawn = ResponderRows([dialogue("S: Hi\nR: @12")], FILMS, advice(ALIEN), TEXT, EnvSettings(), 0)
    endings = [TEXT.reply(drawn.row(epoch, 0).tokens).split("<emotion>")[1] for epoch in range(5)]
    assert {text.split("<proposal>")[0] for text in endings} == {"nostalgia, like"}


def test_a_row_goes_on_to_the_end_of_its_dialogue() -> None:
    turns = "\n".join(f"S: line {turn}\nR: reply {turn}" for turn in range(5))
    drawn = ResponderRows([dialogue(turns)], FILMS, None, TEXT, EnvSettings(seeker="replay", horizon=1), 0)
    replies = {TEXT.reply(row.tokens[row.loss]) for row in (drawn.row(epoch, 0) for epoch in range(40))}
    longest = max(replies, key=len)
    assert [f"reply {turn}" in longest for turn in range(5)] == [True] * 5
    assert all(said.endswith("reply 4") for said in replies) and len(replies) > 1


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
