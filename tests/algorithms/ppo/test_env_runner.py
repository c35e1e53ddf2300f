"""What an env runner hands to the learner: pay, ends and log-probabilities of each turn."""

from __future__ import annotations

import numpy as np
import pytest
from ray.rllib.core.columns import Columns

from algorithms.policy.decoding import SampledReply
from algorithms.policy.rollout import Conversation
from algorithms.ppo.batches import CONVERSATION_PAY, REPLY_PAY, TURN_ENDS, conversation_rows
from algorithms.ppo.env_runner import EPISODE, OUTCOMES, RUNNER, recorded_episode
from envs.settings import EnvSettings, RewardSettings
from tests.envs.conversations import single, started, step
from tests.envs.doubles import CONJURING, ScriptedRecommender


def played(*said: str, truncated: bool = False) -> Conversation:
    """A conversation of at most three turns; each turn costs .125, an acceptance brings .5, a cut reply costs .25."""
    reward = RewardSettings(turns=0.125, acceptance=0.5, missing_end=0.25)
    env = single(recommender=ScriptedRecommender(CONJURING), settings=EnvSettings(max_turns=3), reward=reward)
    started(env)
    talk = Conversation((3, 5), [np.array([1, 2], np.int32)])
    for turn, action in enumerate(said, start=1):
        _, paid, outcome = step(env, action)
        talk.replies.append(SampledReply(np.arange(turn + 1, dtype=np.int32), -np.arange(turn + 1, dtype=np.float32)))
        talk.rewards.append(paid)
        talk.outcomes.append(outcome)
        talk.observations.append(np.array([turn], np.int32))
    talk.terminated, talk.truncated = env.conversation.terminated, truncated
    return talk


def test_a_turns_pay_is_split_into_the_replys_and_the_conversations() -> None:
    episode = recorded_episode(played("What do you like? <cut>", "Then <movie>!"), runner=2, weights_version=7)
    assert list(episode.get_rewards()) == [-0.375, 0.375]
    row = conversation_rows([episode])
    ends = row[TURN_ENDS][0]
    assert row[REPLY_PAY][0, ends].tolist() == [-0.25, 0.0]
    assert row[CONVERSATION_PAY][0, ends].tolist() == [-0.125, 0.375]
    assert [episode.get_extra_model_outputs(Columns.ACTION_LOGP, turn).tolist() for turn in (0, 1)] == [
        [0.0, -1.0],
        [0.0, -1.0, -2.0],
    ]
    assert (episode.custom_data[EPISODE], episode.custom_data[RUNNER]) == ((3, 5), 2)
    assert len(episode.custom_data[OUTCOMES]) == 2


@pytest.mark.parametrize(
    ("said", "truncated"),
    [(("Then <movie>!",), False), (("Well, what do you like?", "Why?", "Who?"), False), (("And what else?",), True)],
    ids=["accepted", "turn-limit", "cut"],
)
def test_an_accepted_film_and_the_turn_limit_are_ends_and_a_cut_is_none(said: tuple[str, ...], truncated: bool) -> None:
    episode = recorded_episode(played(*said, truncated=truncated), runner=0, weights_version=0)
    assert len(episode) == len(said)
    assert (episode.is_terminated, episode.is_truncated) == (not truncated, truncated)
