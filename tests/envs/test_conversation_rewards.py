"""What a turn pays, and when a conversation ends."""

from __future__ import annotations

import pytest

from envs.film_text.markup import RECOMMENDER, SEEKER
from envs.rewards import RULES
from envs.settings import EnvSettings, RewardSettings
from tests.envs.conversations import single, started, step, vector
from tests.envs.doubles import (
    CONJURING,
    HEAT,
    CountingJudge,
    ScriptedRecommender,
    dialogue,
    seeker_opens,
)
from tests.known_heads import HEADS

# --- rewards


def test_the_reward_is_the_judges_scores_shaped() -> None:
    rewards = {}
    for score in (0.5, 0.75):
        judge = CountingJudge(score)
        env = single(reward_model=judge, reward=RewardSettings(weights={"empathy": 1.0, "bleu": 2.0}))
        started(env)
        _, rewards[score], outcome = step(env, "What do you like, my friend?")
        assert tuple(outcome.parts) == (*HEADS, *RULES)
        assert outcome.heads == dict.fromkeys(HEADS, score)
        assert judge.batches[0][0].reply == "What do you like, my friend?"
        assert judge.batches[0][0].context == outcome.context
    assert rewards == {0.5: 0.0, 0.75: 3.0}


def test_without_a_judge_heads_pay_nothing() -> None:
    env = single()
    started(env)
    _, reward, outcome = step(env, "What do you like?")
    assert reward == 0
    assert tuple(outcome.parts) == RULES
    assert not outcome.heads


def test_rewards_are_the_exact_sum_of_their_parts() -> None:
    env = vector(8, reward_model=CountingJudge(0.337), reward=RewardSettings(repetition=0.3))
    env.reset(seed=0)
    for action in ("a b a b", "What about <movie>? Toy Story <cut>", "a b a b"):
        _, rewards, _, _, infos = env.step([action] * 8)
        for reward, outcome in zip(rewards, infos["turn"], strict=True):
            assert outcome is None or reward == sum(outcome.parts.values())


def test_the_bonus_is_paid_on_the_accepting_turn() -> None:
    env = single(recommender=ScriptedRecommender(CONJURING))
    started(env)
    assert step(env, "What do you like?")[2].parts["acceptance"] == 0
    _, reward, outcome = step(env, "Then <movie>!")
    assert outcome.accepted == CONJURING
    assert outcome.conversation_pay == outcome.parts["acceptance"]
    assert reward == outcome.parts["acceptance"] == RewardSettings().acceptance
    started(env)
    assert step(env, "Goodbye!")[2].parts["acceptance"] == 0
    assert env.conversation.terminated


def test_a_dialogue_pays_for_the_turns_it_takes() -> None:
    env = single(reward=RewardSettings(turns=0.1, repetition=0), settings=EnvSettings(max_turns=3))
    started(env)
    outcomes = [step(env, f"What do you like, number {turn}?")[2] for turn in range(3)]
    assert [outcome.reward for outcome in outcomes] == pytest.approx([-0.1] * 3)
    assert [outcome.conversation_pay for outcome in outcomes] == pytest.approx([-0.1] * 3)


@pytest.mark.parametrize("source", ["random", "length"])
def test_a_control_pays_in_place_of_the_heads_by_episode_and_turn(source: str) -> None:
    def paid(*replies: str) -> list[dict[str, float]]:
        env = single(reward_model=CountingJudge(0.9), reward=RewardSettings.model_validate({"source": source}))
        started(env)
        outcomes = [step(env, reply)[2] for reply in replies]
        assert all(outcome.heads == dict.fromkeys(HEADS, 0.9) for outcome in outcomes)  # measured, not paid
        assert all(tuple(outcome.parts) == (source, *RULES) for outcome in outcomes)
        return [outcome.parts for outcome in outcomes]

    one, other = paid("What do you like?", "And what else?"), paid("So?", "I see, tell me more about that.")
    assert (one == other) == (source == "random")
    assert one[0][source] != one[1][source]


# --- ends


def test_acceptance_terminates_with_the_seekers_line_alone() -> None:
    env = single(recommender=ScriptedRecommender(CONJURING))
    started(env)
    observation, _, terminated, truncated, _ = env.step("<movie>?")
    assert (terminated, truncated) == (True, False)
    assert observation == f"{SEEKER}{env.conversation.rendered[-1].text}"


@pytest.mark.parametrize(("seeker", "turns"), [("profile", 3), ("replay", 2)])
def test_the_turn_limit_is_an_end_after_which_nothing_is_proposed(seeker: str, turns: int) -> None:
    human = dialogue("S: Hi\nR: So?\nS: Hm.\nR: And?\nS: Well.\nR: Yes?\nS: No.\nR: Bye")
    recommender = ScriptedRecommender(HEAT)
    env = single(
        dialogues=[human], seeker=seeker, recommender=recommender, settings=EnvSettings(max_turns=3, horizon=2)
    )
    index = next(index for index in range(20) if started(env, index).count(SEEKER) == 1)
    observation = started(env, index)
    recommender.calls.clear()
    for turn in range(turns):
        observation, _, terminated, truncated, _ = env.step(f"What else is there, number {turn}?")
        assert (terminated, truncated) == (turn == turns - 1, False)
        assert observation.startswith(SEEKER)
        assert observation.endswith(RECOMMENDER) != terminated
    assert observation == f"{SEEKER}{env.conversation.rendered[-1].text}"
    assert len(recommender.calls) == turns - 1


def test_an_exhausted_dialogue_terminates() -> None:
    env = single(dialogues=[dialogue("S: Hi\nR: Hello")], seeker="replay")
    started(env)
    observation, _, terminated, truncated, _ = env.step("Hello")
    assert (observation, terminated, truncated) == (SEEKER, True, False)


def test_one_reply_to_a_gold_context_with_its_reference() -> None:
    env = single(dialogues=[seeker_opens()], seeker="replay", settings=EnvSettings(horizon=1))
    references = {}
    for index in range(20):
        started(env, index)
        position = env.conversation.opening.position
        _, _, terminated, truncated, info = env.step("Hm?")
        assert terminated and not truncated
        references[position] = info["turn"].reference
    assert references == {1: "Try The Conjuring (2013) then", 3: "It has ghosts", 5: "What about Heat (1995) ?"}


def test_the_reference_stands_with_the_first_replay_turn_only() -> None:
    env = single(dialogues=[seeker_opens()], seeker="replay")
    index = next(index for index in range(20) if started(env, index).count(SEEKER) == 1)
    started(env, index)
    assert step(env, "Hm?")[2].reference == "Try The Conjuring (2013) then"
    assert env.conversation.turns[0].answer is not None
    assert step(env, "Yes?")[2].reference is None
    profile = single()
    started(profile)
    assert step(profile, "Hm?")[2].reference is None


def test_incoherent_answers_are_marked() -> None:
    env = single(dialogues=[seeker_opens()], seeker="replay", recommender=ScriptedRecommender(CONJURING))
    index = next(index for index in range(20) if started(env, index).count(SEEKER) == 1)
    started(env, index)
    assert step(env, "Hm?")[2].incoherent
    started(env, index)
    assert not step(env, "<movie>?")[2].incoherent
