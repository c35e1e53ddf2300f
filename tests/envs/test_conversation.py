"""The environments: Gymnasium's contract, determinism, episodes and batches, and the seeker protocol."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Sequence

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from envs.conversation import ENV_ID, EVALUATION, ConversationEnv, ConversationVectorEnv
from envs.dialogue import Dialogue, Role, Utterance
from envs.errors import ConfigError
from envs.film_text.markup import EMOTION, PROPOSAL, RECOMMENDER, SEEKER
from envs.turns.state import ConversationState, Opening, SeekerTurn
from tests.envs.conversations import REPLIES, play, single, started, step, transcripts, vector
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    HEAT,
    NOTEBOOK,
    TOY_STORY,
    CountingJudge,
    ScriptedRecommender,
    six_films,
    three_dialogues,
)

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
        # A forked child would have the handlers of a Ray that another test started.
        AsyncVectorEnv([single, single], shared_memory=shared_memory, context="spawn")


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
    assert after[1] == f"{EMOTION}{PROPOSAL}Alien (1979), horror, sci-fi{RECOMMENDER}"


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


# --- the seeker protocol, transcripts, speed


def test_any_seeker_can_be_plugged_in() -> None:
    class Echo:
        turns = 2

        def start(self, dialogue: Dialogue, rng: np.random.Generator) -> Opening:
            return Opening((Utterance(Role.SEEKER, "echo"),))

        def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
            return [SeekerTurn(state.turns[-1].reply.mentions) for state in states]

    env = single(seeker=Echo(), recommender=ScriptedRecommender(TOY_STORY))
    started(env)
    assert step(env, "<movie>!")[0].startswith(f"{SEEKER}Toy Story (1995)!")
    assert env.step("Over?")[2:4] == (True, False)


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
