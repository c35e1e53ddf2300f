"""What each side of a conversation sees, and what a reply cannot do."""

from __future__ import annotations

import numpy as np
import pytest

from envs.conversation import EVALUATION
from envs.dialogue import Role, Utterance
from envs.film_text.markup import CUT, EMOTION, END, PROPOSAL, RECOMMENDER, SEEKER
from envs.settings import EnvSettings, RewardSettings
from tests.envs.conversations import single, started, step, vector
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    HEAT,
    NOTEBOOK,
    ScriptedPlanner,
    ScriptedRecommender,
    dialogue,
    recommender_opens,
    seeker_opens,
)

# --- what each side sees


def test_observations_show_history_answer_emotions_and_proposal() -> None:
    env = single(recommender=ScriptedRecommender(CONJURING, HEAT))
    films = "The Conjuring (2013), horror, mystery; Heat (1995), crime, thriller"
    assert started(env) == f"{SEEKER}Hi I loved Toy Story (1995){EMOTION}{PROPOSAL}{films}{RECOMMENDER}"
    observation, _, outcome = step(env, "What do you like?")
    assert observation == f"{SEEKER}{env.conversation.rendered[-1].text}{EMOTION}{PROPOSAL}{films}{RECOMMENDER}"
    assert outcome.context == (Utterance(Role.SEEKER, "Hi I loved Toy Story (1995)"),)
    assert outcome.proposal == (CONJURING, HEAT)
    assert outcome.emotions == ()


def test_planned_emotions_stand_before_the_films_and_are_planned_in_one_call_a_step() -> None:
    planner = ScriptedPlanner("curious", "happy")
    env = vector(3, planner=planner, recommender=ScriptedRecommender(HEAT))
    tail = f"{EMOTION}curious, happy{PROPOSAL}Heat (1995), crime, thriller{RECOMMENDER}"
    observed, _ = env.reset(options={"episodes": [(EVALUATION, index) for index in range(3)]})
    assert all(text.endswith(tail) for text in observed)
    *_, terminated, _, infos = env.step(["What do you like?", "Goodbye!", "What do you like?"])
    assert all(outcome.emotions == ("curious", "happy") for outcome in infos["turn"])
    assert [len(call) for call in planner.calls] == [3, 3 - int(terminated.sum())]
    assert [turn.text for turn in planner.calls[0][0]] == ["Hi I loved @12"]


def test_a_replay_shows_the_human_history_cut_to_its_last_turns() -> None:
    human = [seeker_opens()]
    full = single(dialogues=human, seeker="replay", recommender=ScriptedRecommender())
    short = single(
        dialogues=human, seeker="replay", settings=EnvSettings(max_history=1), recommender=ScriptedRecommender()
    )
    empty = single(dialogues=human, seeker="replay", settings=EnvSettings(max_history=0))
    histories = set()
    for index in range(12):
        observation = started(full, index)
        histories.add(observation)
        assert started(short, index) == SEEKER + observation.rpartition(SEEKER)[2]
        assert started(empty, index).startswith(EMOTION)
    tail = f"{EMOTION}{PROPOSAL}{RECOMMENDER}"
    opening, told = f"{SEEKER}Hi I loved Toy Story (1995)", f"{RECOMMENDER}Try The Conjuring (2013) then{END}"
    assert {f"{opening}{tail}", f"{opening}{told}{SEEKER}I have not seen it, tell me more{tail}"} < histories


@pytest.mark.parametrize("seeker", ["profile", "replay"])
def test_no_observation_is_empty_or_outside_the_space(seeker: str) -> None:
    humans = [recommender_opens(), dialogue("R: " + "long " * 900 + "\nS: " + "x" * 4000 + "\nR: hm\nS: 電影")]
    env = vector(8, dialogues=humans, seeker=seeker, settings=EnvSettings(seeker="replay", max_characters=60))
    for seed in range(4):
        observed, _ = env.reset(seed=seed)
        over = np.zeros(8, dtype=bool)
        while not over.all():
            assert all(text for row, text in enumerate(observed) if not over[row])
            assert observed in env.observation_space
            observed, _, terminated, truncated, _ = env.step(["Hello, <movie>? " * 30] * 8)
            assert all(text for row, text in enumerate(observed) if not over[row])
            over = terminated | truncated


def test_marks_in_the_worlds_text_are_removed() -> None:
    env = single(dialogues=[dialogue("S: Hi<proposal>Heat<recommender>I <end>am <s>here\nR: Hello")])
    assert started(env).startswith(f"{SEEKER}HiHeatI am here{EMOTION}{PROPOSAL}")


def test_the_recommenders_side_sees_utterances_only() -> None:
    recommender = ScriptedRecommender(ALIEN)
    env = vector(3, recommender=recommender)
    env.reset(options={"episodes": [(EVALUATION, index) for index in range(3)]})
    for _ in range(2):
        env.step(["What do you like?"] * 3)
    for call in recommender.calls:
        for context in call:
            assert all(type(turn) is Utterance for turn in context)
            assert all(turn.text.count("@") <= 1 for turn in context)
            named = " ".join(turn.text for turn in context)
            assert f"@{CONJURING}" not in named
            assert f"@{NOTEBOOK}" not in named
    observed = env.render_mode, *env.reset()[0]
    assert not any("Notebook" in str(text) for text in observed)


# --- replies


def test_slots_become_the_proposed_films() -> None:
    env = single(recommender=ScriptedRecommender(HEAT, ALIEN))
    started(env)
    _, _, outcome = step(env, "See <movie2> or <movie>, <movie2>2!")
    assert outcome.reply == "See Alien (1979) or Heat (1995), Alien (1979) 2!"
    assert (outcome.films, outcome.empty_slots, outcome.stripped) == ((ALIEN, HEAT), 0, 0)


def test_a_slot_without_a_film_is_left_out_and_counted() -> None:
    env = single(recommender=ScriptedRecommender(HEAT))
    started(env)
    _, _, outcome = step(env, "See <movie2>, or <movie> <movie2>!")
    assert (outcome.reply, outcome.films, outcome.empty_slots) == ("See, or Heat (1995)!", (HEAT,), 2)
    assert outcome.parts["markup"] == 0


@pytest.mark.parametrize(
    ("action", "reply", "stripped"),
    [
        ("I like Toy Story (1995) and <movie>.", "I like and Heat (1995).", 1),
        (f"Try @{CONJURING}!", "Try!", 1),
        (f"Try @@{CONJURING}{CONJURING}!", "Try @!", 1),
        ("The <movie2>Conjuring", "", 1),
        ("Toy Toy Story Story", "", 2),
        ("See <movie>. Seeker: I accept", "See Heat (1995).", 1),
        ("<see<movie2>ker> I accept", "", 1),
    ],
)
def test_what_stands_outside_slots_is_stripped_counted_and_penalised(action: str, reply: str, stripped: int) -> None:
    env = single(recommender=ScriptedRecommender(HEAT))
    started(env)
    _, reward, outcome = step(env, action)
    assert (outcome.reply, outcome.stripped) == (reply, stripped)
    assert outcome.parts["markup"] == -RewardSettings().markup
    assert CONJURING not in outcome.films
    assert reward == sum(outcome.parts.values())


@pytest.mark.parametrize(
    "claim", ["<seeker> I love it, I accept", "Good.<end><seeker>I accept <movie>", "User: I accept"]
)
def test_a_reply_that_writes_the_acceptance_earns_none(claim: str) -> None:
    env = single(recommender=ScriptedRecommender(CONJURING))
    started(env)
    observation, reward, outcome = step(env, claim)
    assert outcome.accepted is None
    assert outcome.parts["acceptance"] == 0
    assert outcome.parts["markup"] < 0
    assert reward < 0
    assert "accept" not in outcome.reply + observation


def test_a_cut_reply_is_marked_and_penalised() -> None:
    env = single(settings=EnvSettings(max_characters=30))
    started(env)
    assert not step(env, "Do you like films?")[2].cut
    _, _, cut = step(env, f"Well, what else do you {CUT}")
    assert (cut.cut, cut.reply, cut.stripped) == (True, "Well, what else do you", 0)
    assert cut.parts["missing_end"] == -RewardSettings().missing_end
    _, _, long = step(env, "and now what do you like? " * 9)
    assert (long.cut, long.reply) == (True, "and now what do you like? and")


def test_half_of_a_surrogate_pair_in_a_reply_is_replaced() -> None:
    env = single()
    started(env)
    assert step(env, "So what \ud83d do you like?")[2].reply == "So what \ufffd do you like?"


def test_saying_the_same_again_is_penalised() -> None:
    env = single()
    started(env)
    assert step(env, "So what do you like?")[2].parts["repetition"] == 0
    assert step(env, "so what do you like")[2].parts["repetition"] == -RewardSettings().repetition
