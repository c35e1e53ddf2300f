"""From episodes to rows: every token stands where it was said, and masks come from lengths, never from ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.core.columns import Columns
from ray.rllib.env.single_agent_episode import SingleAgentEpisode

from algorithms.ppo.advantages import gae
from algorithms.ppo.batches import (
    ADVANTAGES,
    BOOTSTRAPPED,
    OLD_LOGP,
    REWARDS,
    SAMPLED_LOGP,
    TURN_ENDS,
    VALUE_TARGETS,
    TokenAdvantages,
    conversation_rows,
    whiten,
)
from algorithms.ppo.estimators import Discounts
from algorithms.ppo.module import ACTIONS, LENGTHS, TOKENS, TokenStatistics

Turn = tuple[list[int], list[int], float]
IDS = st.lists(st.integers(0, 9), min_size=1, max_size=5)  # 0, the pad, is a token like any other
TURNS = st.lists(st.tuples(IDS, IDS, st.floats(-2, 2, width=32)), min_size=1, max_size=4)
TALKS = st.lists(st.tuples(TURNS, IDS, st.booleans()), min_size=1, max_size=4)


def episode(turns: list[Turn], last: list[int], truncated: bool) -> SingleAgentEpisode:
    """Tokens (observation, action) and reward of each turn, then the last observation."""
    made = SingleAgentEpisode()
    observations = [np.array(said, np.int32) for said, _, _ in turns] + [np.array(last, np.int32)]
    made.add_env_reset(observation=observations[0])
    for turn, (_, action, reward) in enumerate(turns):
        over = turn == len(turns) - 1
        made.add_env_step(
            observation=observations[turn + 1],
            action=np.array(action, np.int32),
            reward=reward,
            terminated=over and not truncated,
            truncated=over and truncated,
            extra_model_outputs={Columns.ACTION_LOGP: -np.arange(1, len(action) + 1, dtype=np.float32)},
        )
    return made


@given(TALKS)
@settings(max_examples=60, deadline=None)
def test_row_is_the_conversation_in_order(talks: list[tuple[list[Turn], list[int], bool]]) -> None:
    columns = conversation_rows([episode(*talk) for talk in talks])
    longest = max(columns[LENGTHS])
    assert all(columns[name].shape == (len(talks), longest) for name in (TOKENS, ACTIONS, REWARDS, SAMPLED_LOGP))
    for row, (turns, last, truncated) in enumerate(talks):
        expected = [token for said, action, _ in turns for token in (*said, *action)] + (last if truncated else [])
        length = columns[LENGTHS][row]
        assert columns[TOKENS][row, :length].tolist() == expected
        assert columns[BOOTSTRAPPED][row] == truncated
        actions, ends = columns[ACTIONS][row], columns[TURN_ENDS][row]
        assert columns[TOKENS][row][actions].tolist() == [token for _, action, _ in turns for token in action]
        assert ends.sum() == len(turns) and actions[ends].all()
        assert columns[REWARDS][row][ends].tolist() == pytest.approx([reward for _, _, reward in turns])
        assert not columns[REWARDS][row][~ends].any() and not columns[SAMPLED_LOGP][row][~actions].any()
        for name in (TOKENS, ACTIONS, TURN_ENDS):
            assert not columns[name][row, length:].any()


def test_reply_made_of_pads_is_a_reply() -> None:
    columns = conversation_rows([episode([([0, 0], [0, 0, 0], 1.0)], [0], truncated=False)])
    assert columns[LENGTHS].tolist() == [5]
    assert columns[ACTIONS].tolist() == [[False, False, True, True, True]]
    assert columns[TURN_ENDS].tolist() == [[False] * 4 + [True]]


class KnownModule:
    """Speaks with fixed numbers: log-probability -t at position t, value 10 + t."""

    def eval(self) -> None: ...

    def unwrapped(self) -> KnownModule:
        return self

    def token_statistics(
        self, batch: dict[str, torch.Tensor], *, entropy: bool, model: Any = None, learnt_choice: bool = True
    ) -> TokenStatistics:
        longest = int(batch[LENGTHS].max())
        mask = batch[ACTIONS][:, 1:longest]
        steps = torch.arange(longest, dtype=torch.float).expand(len(mask), -1)
        logp = -steps[:, :-1] * mask - (0.5 * mask if model is not None else 0.0)
        return TokenStatistics(mask, logp, torch.zeros_like(logp), steps + 10)


def advantage_columns(talks: list[SingleAgentEpisode], kl_weight: float = 0.0, micro_batch: int = 8) -> dict[str, Any]:
    rows = {name: torch.from_numpy(array) for name, array in conversation_rows(talks).items()}
    reference: Any = object()
    flat = Discounts(token=1.0, turn=1.0, token_lambda=0.0, turn_lambda=0.0)
    connector = TokenAdvantages(reference, lambda known: gae(known, flat), lambda: kl_weight, micro_batch)
    return connector(rl_module={DEFAULT_MODULE_ID: KnownModule()}, batch={DEFAULT_MODULE_ID: rows})[DEFAULT_MODULE_ID]


def test_only_a_truncated_conversation_is_bootstrapped() -> None:
    turns: list[Turn] = [([5, 6], [7, 8], 1.0)]
    over, cut = (advantage_columns([episode(turns, [5, 6], truncated)]) for truncated in (False, True))
    # lambda 0: the target of the last action token is its reward and what the conversation is worth afterwards.
    assert over[VALUE_TARGETS][0, 2] == 1.0
    assert cut[VALUE_TARGETS][0, 2] == 1.0 + (10 + 5)
    assert over[VALUE_TARGETS][0, 1] == cut[VALUE_TARGETS][0, 1] == 12.0


def test_kl_to_the_reference_comes_off_each_token() -> None:
    talk = episode([([5], [6, 7], 1.0)], [5], truncated=False)
    free, paid = advantage_columns([talk]), advantage_columns([talk], kl_weight=0.2)
    lost = free[VALUE_TARGETS] - paid[VALUE_TARGETS]
    torch.testing.assert_close(lost[0, :2], torch.tensor([0.1, 0.1]))  # .2 x .5 nats


def test_micro_batches_of_unequal_lengths_change_nothing() -> None:
    talks = [
        episode([([1], [2, 3], 1.0)], [4], True),
        episode([([1, 2, 3, 4], [5], 0.5), ([6, 6], [7, 8, 9], -1.0)], [1, 1, 1], True),
        episode([([3], [1], 2.0)], [1], False),
    ]
    whole, parts = advantage_columns(talks), advantage_columns(talks, micro_batch=1)
    mask = whole[ACTIONS][:, 1:]
    for name in (OLD_LOGP, ADVANTAGES, VALUE_TARGETS):
        torch.testing.assert_close(whole[name][:, :-1][mask], parts[name][:, :-1][mask])


def test_whitened_advantages_have_mean_zero_and_deviation_one_over_action_tokens() -> None:
    action = torch.rand(4, 30, generator=torch.Generator().manual_seed(0)) < 0.4
    raw = torch.randn(4, 30, generator=torch.Generator().manual_seed(1)) * 5 + 3
    whitened, sums = whiten(torch.where(action, raw, 0.0), action, torch.tensor([2.5]))
    assert whitened[action].mean().item() == pytest.approx(0, abs=1e-5)
    assert whitened[action].std(unbiased=False).item() == pytest.approx(1, abs=1e-5)
    assert not whitened[~action].any()
    assert sums[0] == action.sum() and sums[3] == 2.5


def test_equal_advantages_do_not_divide_by_zero() -> None:
    action = torch.ones(2, 3, dtype=torch.bool)
    whitened, _ = whiten(torch.full((2, 3), 1.7), action, torch.zeros(1))
    assert whitened.abs().max() < 1e-2
