"""Rolling out conversations: repeatable, independent of the company, and never past the model's positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedModel

from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.rollout import Conversation, Episode, roll_out, score_tokens
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.settings.policy import PolicySettings
from tests.algorithms.doubles import POLICY, tiny_policy_folder
from tests.algorithms.worlds import SmallWorld, speaking_policy

EPISODES: list[Episode] = [(3, index) for index in range(6)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreTrainedModel, ConversationText]:
    folder = tiny_policy_folder(tmp_path_factory.mktemp("policy"))
    return load_causal_lm(folder).eval(), ConversationText(load_tokenizer(str(folder)), POLICY)


def play(
    policy: tuple[PreTrainedModel, ConversationText],
    episodes: list[Episode],
    at_once: int,
    seed: int = 0,
    settings: PolicySettings = POLICY,
    world: SmallWorld | None = None,
    candidates: int = 1,
) -> list[Conversation]:
    model, text = policy
    env = (world or SmallWorld()).build(at_once)
    return roll_out(model, ConversationText(text.tokenizer, settings), env, episodes, seed, candidates)


def tokens(conversation: Conversation) -> list[list[int]]:
    return [array.tolist() for array in (*conversation.observations, *(r.tokens for r in conversation.replies))]


def test_same_seed_gives_the_same_conversations_bit_for_bit(policy) -> None:
    first, again, other = play(policy, EPISODES, 6), play(policy, EPISODES, 6), play(policy, EPISODES, 6, seed=1)
    for left, right in zip(first, again, strict=True):
        assert tokens(left) == tokens(right)
        assert left.rewards == right.rewards
        for one, two in zip(left.replies, right.replies, strict=True):
            assert one.logp.tobytes() == two.logp.tobytes()
    assert [tokens(talk) for talk in first] != [tokens(talk) for talk in other]
    assert len({str(tokens(talk)) for talk in first}) == len(first)


def test_conversation_does_not_depend_on_its_company(policy) -> None:
    together = play(policy, EPISODES, 6)
    alone = [play(policy, [episode], 1)[0] for episode in EPISODES]
    in_turns = play(policy, EPISODES[::-1], 4)[::-1]
    for one, two, three in zip(together, alone, in_turns, strict=True):
        assert tokens(one) == tokens(two) == tokens(three)
        assert one.episode == two.episode == three.episode
        for left, right in zip(one.replies, two.replies, strict=True):
            np.testing.assert_allclose(left.logp, right.logp, atol=1e-4)


def test_of_several_replies_the_best_paid_one_is_said(tmp_path: Path) -> None:
    """The judge pays for a question mark, which one reply in four has."""
    folder = speaking_policy(tmp_path)
    model, text = load_causal_lm(folder).eval(), ConversationText(load_tokenizer(str(folder)), POLICY)
    many = [(3, index) for index in range(24)]
    one, best = (play((model, text), many, 12, candidates=count) for count in (1, 6))
    asked = [np.mean(["?" in outcome.reply for talk in talks for outcome in talk.outcomes]) for talks in (one, best)]
    assert asked[0] < 0.5 < asked[1]
    alone = [play((model, text), [episode], 1, candidates=6)[0] for episode in many[:4]]
    assert [tokens(talk) for talk in alone] == [tokens(talk) for talk in best[:4]]
    for talk in best[:4]:
        for reply, scores in zip(talk.replies, score_tokens(model, talk, POLICY.temperature), strict=True):
            np.testing.assert_allclose(scores, reply.logp, atol=1e-4)


def test_every_turn_is_recorded_once(policy) -> None:
    played = play(policy, EPISODES, 6)
    assert {len(talk.replies) for talk in played} != {1}, "no conversation had a second turn"
    for talk in played:
        turns = len(talk.replies)
        assert len(talk.rewards) == len(talk.outcomes) == len(talk.answers) == turns
        assert len(talk.observations) == turns + 1
        assert talk.terminated != talk.truncated
        assert talk.rewards == [sum(outcome.parts.values()) for outcome in talk.outcomes]


def test_scoring_a_conversation_gives_the_sampled_log_probabilities(policy) -> None:
    warm = POLICY.model_copy(update={"temperature": 0.8})
    for talk in play(policy, EPISODES, 6, settings=warm):
        for reply, scores in zip(talk.replies, score_tokens(policy[0], talk, warm.temperature), strict=True):
            np.testing.assert_allclose(scores, reply.logp, atol=1e-4)


def test_full_context_truncates_before_the_positions_run_out(policy) -> None:
    tight = POLICY.model_copy(update={"positions": 140})
    long = SmallWorld(max_turns=40)
    played = play(policy, EPISODES, 6, settings=tight, world=long)
    lengths = [sum(map(len, tokens(talk))) for talk in played]
    assert max(lengths) <= tight.positions
    cut = [talk for talk in played if talk.truncated]
    assert cut and all(len(talk.replies) < 40 for talk in cut), "nothing was truncated by its length"
    roomy = play(policy, EPISODES, 6, world=long)
    assert sum(len(talk.replies) for talk in roomy) > sum(len(talk.replies) for talk in played)


def test_a_conversation_that_ended_by_itself_is_not_truncated_for_want_of_room(policy) -> None:
    """No room for a second turn: a conversation that the turn limit ended has no last value to bootstrap."""
    tight = POLICY.model_copy(update={"positions": POLICY.max_new + POLICY.max_observation + 1})
    played = play(policy, EPISODES, 6, settings=tight, world=SmallWorld(max_turns=1))
    assert [(talk.terminated, talk.truncated) for talk in played] == [(True, False)] * len(EPISODES)
    goes_on = play(policy, EPISODES, 6, settings=tight, world=SmallWorld(max_turns=40))
    assert any(talk.truncated for talk in goes_on), "there was room: nothing was tested"
    assert all(talk.terminated != talk.truncated for talk in goes_on)


def test_a_conversation_without_room_is_over_in_the_environment_too(policy) -> None:
    """Choosing among candidates asks the environment for its live conversations: those alone that are sampled for."""
    tight = POLICY.model_copy(update={"positions": 140})
    chosen = play(policy, EPISODES, 4, settings=tight, world=SmallWorld(max_turns=40), candidates=2)
    assert any(talk.truncated for talk in chosen) and len(chosen) == len(EPISODES)
    env = SmallWorld(max_turns=40).build(2)
    env.reset()
    env.truncate(0)
    _, _, _, truncated, infos = env.step(["", "Have you seen Heat?"])
    assert truncated.tolist() == [True, False] and infos["turn"][0] is None


def test_cut_reply_is_closed_by_the_next_observation(policy) -> None:
    end = policy[1].end
    cut = [
        (talk.observations[turn + 1], reply)
        for talk in play(policy, EPISODES, 6)
        for turn, reply in enumerate(talk.replies)
        if reply.tokens[-1] != end
    ]
    assert cut, "no reply was cut"
    assert all(observation[0] == end and len(reply.tokens) == POLICY.max_new for observation, reply in cut)


def test_folder_of_a_policy_is_all_that_a_rollout_needs(tmp_path: Path) -> None:
    folder = tiny_policy_folder(tmp_path, seed=5)
    text = ConversationText(load_tokenizer(str(folder)), POLICY)
    assert roll_out(load_causal_lm(folder).eval(), text, SmallWorld(seeker="replay").build(2), EPISODES[:3], 0)
