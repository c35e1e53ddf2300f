"""The environments: Gymnasium's contract, batches, determinism, and what a reply cannot do."""

from __future__ import annotations

import pickle
import time
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from envs.conversation import ENV_ID, EVALUATION, ConversationEnv, ConversationVectorEnv, TurnOutcome
from envs.dialogue import Dialogue, Role, Utterance
from envs.errors import ConfigError
from envs.heads import HEADS
from envs.markup import CUT, END, PROPOSAL, RECOMMENDER, SEEKER
from envs.rewards import PARTS
from envs.settings import EnvSettings, RewardSettings
from envs.state import ConversationState, Opening, SeekerTurn
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    HEAT,
    NOTEBOOK,
    TOY_STORY,
    CountingJudge,
    ScriptedRecommender,
    dialogue,
    recommender_opens,
    seeker_opens,
    six_films,
    three_dialogues,
)

REPLIES = ("What do you like?", "How about <movie>?", "It is a film about a thief and a cop.", "<movie2>, maybe?")


def vector(num_envs: int = 3, **arguments: Any) -> ConversationVectorEnv:
    return ConversationVectorEnv(
        **{"dialogues": three_dialogues(), "catalog": six_films(), **arguments}, num_envs=num_envs
    )


def single(**arguments: Any) -> ConversationEnv:
    return ConversationEnv(**{"dialogues": three_dialogues(), "catalog": six_films(), **arguments})


def started(env: ConversationEnv, index: int = 0) -> str:
    """Reset to the dialogue ``index``."""
    return env.reset(options={"episodes": [(EVALUATION, index)]})[0]


def step(env: ConversationEnv, action: str) -> tuple[str, float, TurnOutcome]:
    observation, reward, _, _, info = env.step(action)
    return observation, reward, info["turn"]


def transcripts(env: ConversationVectorEnv) -> list[list[Utterance]]:
    return [state.rendered for state in env.conversations if state is not None]


def play(env: ConversationVectorEnv, seed: int | None = None, **options: Any) -> list[Any]:
    """A whole batch of conversations: observations, rewards, flags of every step."""
    trace: list[Any] = [env.reset(seed=seed, options=options)[0]]
    for turn in range(8):
        observed, rewards, terminated, truncated, _ = env.step([REPLIES[turn % len(REPLIES)]] * env.num_envs)
        trace.append((observed, rewards.tolist(), terminated.tolist(), truncated.tolist()))
        if (terminated | truncated).all():
            return trace
    raise AssertionError("conversations do not end")


# --- Gymnasium's contract


@pytest.mark.parametrize("seeker", ["profile", "replay"])
def test_check_env_passes_without_a_warning(seeker: str) -> None:
    env = gymnasium.make(ENV_ID, dialogues=three_dialogues(), catalog=six_films(), seeker=seeker)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


def test_registered_environment_needs_no_argument() -> None:
    env = gymnasium.make(f"envs.conversation:{ENV_ID}")
    observation, _ = env.reset(seed=1)
    assert observation.endswith(RECOMMENDER)
    assert observation in env.observation_space
    vectors = gymnasium.make_vec(ENV_ID, num_envs=3)
    assert isinstance(vectors, ConversationVectorEnv)
    assert vectors.metadata["autoreset_mode"] is AutoresetMode.DISABLED
    observations, _ = vectors.reset(seed=1)
    assert observations in vectors.observation_space
    assert vectors.action_space.sample() in vectors.action_space


def test_gymnasiums_sync_vectorisation_works() -> None:
    envs = gymnasium.make_vec(
        ENV_ID,
        num_envs=2,
        vectorization_mode="sync",
        dialogues=three_dialogues(),
        catalog=six_films(),
        recommender=ScriptedRecommender(CONJURING, HEAT),
    )
    assert isinstance(envs, SyncVectorEnv)
    observations, _ = envs.reset(seed=[0, 1])
    assert observations in envs.observation_space
    observations, rewards, _, _, infos = envs.step(("What do you like?", "How about <movie>?"))
    assert all(observations)
    assert rewards.shape == (2,)
    assert [turn.reply for turn in infos["turn"]] == ["What do you like?", "How about The Conjuring (2013)?"]
    assert ConversationEnv.metadata.keys() == {"render_modes", "render_fps"}
    envs.close()


@pytest.mark.parametrize("shared_memory", [True, False])
def test_async_vectorisation_is_refused(shared_memory: bool) -> None:
    with pytest.raises(ConfigError, match="make_vec"):
        AsyncVectorEnv([single, single], shared_memory=shared_memory)


@pytest.mark.parametrize("render_mode", ["ansi", None])
def test_pickled_environment_goes_on_the_same(render_mode: str | None) -> None:
    env = gymnasium.make(ENV_ID, dialogues=three_dialogues(), catalog=six_films(), render_mode=render_mode)
    env.reset(seed=5)
    twin = pickle.loads(pickle.dumps(env))
    assert data_equivalence(env.reset(seed=3), twin.reset(seed=3), exact=True)
    assert data_equivalence(env.step("<movie>?"), twin.step("<movie>?"), exact=True)
    assert data_equivalence(env.reset(), twin.reset(), exact=True)


def test_rendering_shows_the_transcript() -> None:
    env = single(render_mode="ansi", recommender=ScriptedRecommender(NOTEBOOK))
    started(env)
    assert env.render() == "seeker: Hi I loved Toy Story (1995)\n[The Notebook (2004), romance]"
    assert single().render() is None


def test_docstring_has_gymnasiums_headings() -> None:
    headings = [
        line.strip()[3:] for line in str(ConversationEnv.__doc__).splitlines() if line.strip().startswith("## ")
    ]
    assert headings == [
        "Description",
        "Action Space",
        "Observation Space",
        "Starting State",
        "Rewards",
        "Episode End",
        "Arguments",
        "Version History",
    ]


def test_misuse_is_refused() -> None:
    with pytest.raises(ConfigError, match="catalogue"):
        ConversationVectorEnv(three_dialogues())
    with pytest.raises(ConfigError, match="dialogues"):
        vector(dialogues=[])
    with pytest.raises(ConfigError, match="oracle"):
        vector(seeker="oracle")
    with pytest.raises(ConfigError, match="num_envs"):
        vector(0)
    env = vector()
    with pytest.raises(ResetNeeded):
        env.step([""] * 3)
    with pytest.raises(ConfigError, match="reset_musk"):
        env.reset(options={"reset_musk": None})
    with pytest.raises(ConfigError, match="reset_mask"):
        env.reset(options={"reset_mask": np.ones(2, dtype=bool)})
    with pytest.raises(ConfigError, match="episodes"):
        env.reset(options={"episodes": [(0, 0)]})
    env.reset()
    for actions in (["a", "b"], ["a", "b", 3]):
        with pytest.raises(ValueError, match="strings"):
            env.step(actions)
    alone = single()
    with pytest.raises(ResetNeeded):
        alone.step("Hi")
    started(alone)
    step(alone, "Goodbye!")
    with pytest.raises(ResetNeeded, match="over"):
        alone.step("Hello?")


# --- determinism, episodes, batches


@pytest.mark.parametrize("seeker", ["profile", "replay"])
def test_same_seed_same_conversations_bitwise(seeker: str) -> None:
    first, second = play(vector(seeker=seeker), seed=9), play(vector(seeker=seeker, seed=4), seed=9)
    assert first == second
    assert any(play(vector(seeker=seeker), seed=seed) != first for seed in range(3))


def test_an_episode_does_not_depend_on_its_row_or_company() -> None:
    episodes = [(3, 0), (3, 1), (3, 2), (7, 0)]
    together = vector(4)
    play(together, episodes=episodes)
    apart = vector(1)
    for row, episode in enumerate(episodes):
        play(apart, episodes=[episode])
        assert transcripts(apart)[0] == transcripts(together)[row]


def test_a_stream_visits_every_dialogue_before_any_again() -> None:
    env = vector(3)
    orders = set()
    for stream in range(12):
        for passed in range(2):
            env.reset(options={"episodes": [(stream, 3 * passed + place) for place in range(3)]})
            order = tuple(state.dialogue_index for state in env.conversations if state is not None)
            assert sorted(order) == [0, 1, 2]
            orders.add(order)
    assert len(orders) > 2
    env.reset(options={"episodes": [(EVALUATION, index) for index in (4, 0, 2)]})
    assert [state.dialogue_index for state in env.conversations if state is not None] == [1, 0, 2]


def test_the_environment_counts_episodes_itself() -> None:
    env = vector(2)
    env.reset(seed=1)
    env.reset(options={"reset_mask": np.array([False, True])})
    assert [state.episode for state in env.conversations if state is not None] == [(0, 0), (0, 2)]
    env.reset(seed=1)
    assert [state.episode for state in env.conversations if state is not None] == [(0, 0), (0, 1)]


def test_reset_mask_resets_those_rows_alone() -> None:
    env = vector(3, recommender=ScriptedRecommender(ALIEN))
    env.reset(options={"episodes": [(EVALUATION, index) for index in (0, 1, 2)]})
    before, *_ = env.step(["What do you like?"] * 3)
    kept = [env.conversations[row] for row in (0, 2)]
    after, _ = env.reset(options={"reset_mask": np.array([False, True, False]), "episodes": [(EVALUATION, 1)]})
    assert [env.conversations[row] for row in (0, 2)] == kept
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] == f"{PROPOSAL}Alien (1979), horror, sci-fi{RECOMMENDER}"


def test_a_row_that_is_over_stays_silent() -> None:
    judge = CountingJudge()
    env = vector(2, reward_model=judge, recommender=ScriptedRecommender(CONJURING))
    env.reset(options={"episodes": [(EVALUATION, 0), (EVALUATION, 2)]})
    env.step(["Goodbye!", "What do you like?"])
    observed, rewards, terminated, truncated, infos = env.step(["<movie>", "And the weather?"])
    assert (observed[0], rewards[0], infos["turn"][0], bool(terminated[0])) == ("", 0.0, None, True)
    assert infos["_turn"].tolist() == [False, True]
    assert len(judge.batches[-1]) == 1
    assert not truncated.any()


def test_one_judgement_and_one_proposal_call_a_step() -> None:
    judge, recommender = CountingJudge(), ScriptedRecommender(HEAT, ALIEN)
    env = vector(16, reward_model=judge, recommender=recommender)
    env.reset(seed=0)
    assert [len(call) for call in recommender.calls] == [16]
    env.step(["Hello, what do you like?"] * 16)
    assert [len(batch) for batch in judge.batches] == [16]
    assert [len(call) for call in recommender.calls] == [16, 16]


# --- what each side sees


def test_observations_show_history_answer_and_proposal() -> None:
    env = single(recommender=ScriptedRecommender(CONJURING, HEAT))
    films = "The Conjuring (2013), horror, mystery; Heat (1995), crime, thriller"
    assert started(env) == f"{SEEKER}Hi I loved Toy Story (1995){PROPOSAL}{films}{RECOMMENDER}"
    observation, _, outcome = step(env, "What do you like?")
    assert observation == f"{SEEKER}{env.conversation.rendered[-1].text}{PROPOSAL}{films}{RECOMMENDER}"
    assert outcome.context == (Utterance(Role.SEEKER, "Hi I loved Toy Story (1995)"),)
    assert outcome.proposal == (CONJURING, HEAT)


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
        assert started(empty, index).startswith(PROPOSAL)
    tail = f"{PROPOSAL}{RECOMMENDER}"
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
    assert started(env).startswith(f"{SEEKER}HiHeatI am here{PROPOSAL}")


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


def test_saying_the_same_again_is_penalised() -> None:
    env = single()
    started(env)
    assert step(env, "So what do you like?")[2].parts["repetition"] == 0
    assert step(env, "so what do you like")[2].parts["repetition"] == -RewardSettings().repetition


# --- rewards


def test_the_reward_is_the_judges_scores_shaped() -> None:
    rewards = {}
    for score in (0.5, 0.75):
        judge = CountingJudge(score)
        env = single(reward_model=judge, reward=RewardSettings(weights={"empathy": 1.0, "bleu": 2.0}))
        started(env)
        _, rewards[score], outcome = step(env, "What do you like, my friend?")
        assert tuple(outcome.parts) == PARTS
        assert outcome.heads.tolist() == [score] * len(HEADS)
        assert judge.batches[0][0].reply == "What do you like, my friend?"
        assert judge.batches[0][0].context == outcome.context
    assert rewards == {0.5: 0.0, 0.75: 3.0}


def test_without_a_judge_heads_pay_nothing() -> None:
    env = single()
    started(env)
    _, reward, outcome = step(env, "What do you like?")
    assert reward == 0
    assert [outcome.parts[head] for head in HEADS] == [0] * 6


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
    assert reward == outcome.parts["acceptance"] == RewardSettings().acceptance


# --- ends


def test_acceptance_terminates_with_the_seekers_line_alone() -> None:
    env = single(recommender=ScriptedRecommender(CONJURING))
    started(env)
    observation, _, terminated, truncated, _ = env.step("<movie>?")
    assert (terminated, truncated) == (True, False)
    assert observation == f"{SEEKER}{env.conversation.rendered[-1].text}"


@pytest.mark.parametrize(("seeker", "turns"), [("profile", 3), ("replay", 2)])
def test_the_turn_limit_truncates_with_a_whole_observation(seeker: str, turns: int) -> None:
    human = dialogue("S: Hi\nR: So?\nS: Hm.\nR: And?\nS: Well.\nR: Yes?\nS: No.\nR: Bye")
    env = single(dialogues=[human], seeker=seeker, settings=EnvSettings(max_turns=3, horizon=2))
    index = next(index for index in range(20) if started(env, index).count(SEEKER) == 1)
    started(env, index)
    for turn in range(turns):
        observation, _, terminated, truncated, _ = env.step(f"What else is there, number {turn}?")
        assert (terminated, truncated) == (False, turn == turns - 1)
        assert observation.startswith(SEEKER)
        assert observation.endswith(RECOMMENDER)


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
        assert terminated or truncated
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


# --- the seeker protocol, transcripts, speed


def test_any_seeker_can_be_plugged_in() -> None:
    class Echo:
        turns = 2

        def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
            return Opening((Utterance(Role.SEEKER, "echo"),))

        def answer(self, state: ConversationState, rng: np.random.Generator) -> SeekerTurn:
            return SeekerTurn(state.turns[-1].reply.mentions)

    env = single(seeker=Echo(), recommender=ScriptedRecommender(TOY_STORY))
    started(env)
    assert step(env, "<movie>!")[0].startswith(f"{SEEKER}Toy Story (1995)!")
    assert env.step("Over?")[3]


def test_states_can_be_read_as_transcripts() -> None:
    env = vector(2, recommender=ScriptedRecommender(CONJURING))
    assert env.conversations == [None, None]
    env.reset(options={"reset_mask": np.array([True, False]), "episodes": [(EVALUATION, 0)]})
    env.step(["Look: <movie>", "ignored"])
    state = env.conversations[0]
    assert state is not None
    assert [turn.role for turn in state.history] == [Role.SEEKER]
    assert [turn.reply.films for turn in state.turns] == [(CONJURING,)]
    assert state.rendered[1] == Utterance(Role.RECOMMENDER, "Look: The Conjuring (2013)")
    assert env.conversations[1] is None


def test_a_step_of_32_conversations_takes_less_than_10_ms() -> None:
    env = vector(32)
    steps = []
    for stream in range(5):
        env.reset(options={"episodes": [(stream, index) for index in range(32)]})
        for action in REPLIES[:2]:
            begun = time.process_time()
            env.step([action] * 32)
            steps.append(time.process_time() - begun)
    assert np.median(steps) < 0.01
