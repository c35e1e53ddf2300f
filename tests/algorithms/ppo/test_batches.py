"""From episodes to rows: every token stands where it was said, and masks come from lengths, never from ids."""

from __future__ import annotations

from collections.abc import Sequence
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
    BOOTSTRAPPED,
    CONVERSATION_PAY,
    REPLY_PAY,
    SAMPLED_LOGP,
    TURN_ENDS,
    TokenAdvantages,
    conversation_rows,
)
from algorithms.ppo.estimators import Discounts
from algorithms.ppo.loss import ADVANTAGES, OLD_LOGP, VALUE_TARGETS
from algorithms.ppo.module import ACTIONS, LENGTHS, TOKENS, TokenStatistics

Turn = tuple[list[int], list[int], float]
IDS = st.lists(st.integers(0, 9), min_size=1, max_size=5)  # 0, the pad, is a token like any other
TURNS = st.lists(st.tuples(IDS, IDS, st.floats(-2, 2, width=32)), min_size=1, max_size=4)
TALKS = st.lists(st.tuples(TURNS, IDS, st.booleans()), min_size=1, max_size=4)


def episode(
    turns: list[Turn], last: list[int], truncated: bool, conversation_pay: Sequence[float] = ()
) -> SingleAgentEpisode:
    """Tokens (observation, action) and reward of each turn, then the last observation.

    ``conversation_pay`` is what of each turn's reward is paid for the conversation; nothing where it is not given.
    """
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
            extra_model_outputs={
                Columns.ACTION_LOGP: -np.arange(1, len(action) + 1, dtype=np.float32),
                CONVERSATION_PAY: conversation_pay[turn] if conversation_pay else 0.0,
            },
        )
    return made


@given(TALKS)
@settings(max_examples=60, deadline=None)
def test_row_is_the_conversation_in_order(talks: list[tuple[list[Turn], list[int], bool]]) -> None:
    columns = conversation_rows([episode(*talk) for talk in talks])
    longest = max(columns[LENGTHS])
    assert all(columns[name].shape == (len(talks), longest) for name in (TOKENS, ACTIONS, REPLY_PAY, SAMPLED_LOGP))
    for row, (turns, last, truncated) in enumerate(talks):
        expected = [token for said, action, _ in turns for token in (*said, *action)] + (last if truncated else [])
        length = columns[LENGTHS][row]
        assert columns[TOKENS][row, :length].tolist() == expected
        assert columns[BOOTSTRAPPED][row] == truncated
        actions, ends = columns[ACTIONS][row], columns[TURN_ENDS][row]
        assert columns[TOKENS][row][actions].tolist() == [token for _, action, _ in turns for token in action]
        assert ends.sum() == len(turns) and actions[ends].all()
        assert columns[REPLY_PAY][row][ends].tolist() == pytest.approx([reward for _, _, reward in turns])
        assert not columns[CONVERSATION_PAY][row].any()
        assert not columns[REPLY_PAY][row][~ends].any() and not columns[SAMPLED_LOGP][row][~actions].any()
        for name in (TOKENS, ACTIONS, TURN_ENDS):
            assert not columns[name][row, length:].any()


def test_reply_made_of_pads_is_a_reply() -> None:
    columns = conversation_rows([episode([([0, 0], [0, 0, 0], 1.0)], [0], truncated=False)])
    assert columns[LENGTHS].tolist() == [5]
    assert columns[ACTIONS].tolist() == [[False, False, True, True, True]]
    assert columns[TURN_ENDS].tolist() == [[False] * 4 + [True]]


class KnownModule:
    """Speaks with fixed numbers: log-probability -t at position t, value ``first`` + t times ``more``."""

    def __init__(self, first: float, more: float) -> None:
        self.first, self.more = first, more

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
        return TokenStatistics(mask, logp, torch.zeros_like(logp), self.first + self.more * steps)


FLAT = Discounts(token=1.0, turn=1.0, token_lambda=0.0, turn_lambda=0.0)
"""The target of an action token is its reward and the value after it."""
RETURNS = Discounts(token=1.0, turn=1.0, token_lambda=1.0, turn_lambda=1.0)
"""The target of an action token is the sum of the rewards from it on."""


def advantage_columns(
    talks: list[SingleAgentEpisode],
    kl_weight: float = 0.0,
    micro_batch: int = 8,
    discounts: Discounts = FLAT,
    values: tuple[float, float] = (10.0, 1.0),
) -> dict[str, Any]:
    rows = {name: torch.from_numpy(array) for name, array in conversation_rows(talks).items()}
    reference: Any = object()
    connector = TokenAdvantages(reference, lambda known: gae(known, discounts), lambda: kl_weight, micro_batch)
    return connector(rl_module={DEFAULT_MODULE_ID: KnownModule(*values)}, batch={DEFAULT_MODULE_ID: rows})[
        DEFAULT_MODULE_ID
    ]


def test_only_a_truncated_conversation_is_bootstrapped() -> None:
    turns: list[Turn] = [([5, 6], [7, 8], 1.0)]
    over, cut = (advantage_columns([episode(turns, [5, 6], truncated, [1.0])]) for truncated in (False, True))
    assert over[VALUE_TARGETS][0, 2] == 1.0
    assert cut[VALUE_TARGETS][0, 2] == 1.0 + (10 + 5)
    assert over[VALUE_TARGETS][0, 1] == cut[VALUE_TARGETS][0, 1] == 12.0


def test_kl_to_the_reference_comes_off_each_token() -> None:
    talks = [episode([([5], action, 1.0)], [5], truncated=False) for action in ([6], [6, 7, 8])]
    free, paid = advantage_columns(talks), advantage_columns(talks, kl_weight=0.2)
    gained = paid[VALUE_TARGETS] - free[VALUE_TARGETS]
    # .2 x .5 nats a token; the mean turn, of two tokens, pays .2 for it, which is taken off at the last token.
    torch.testing.assert_close(gained[0, :1], torch.tensor([-0.1 + 0.2]))
    torch.testing.assert_close(gained[1, :3], torch.tensor([-0.1, -0.1, -0.1 + 0.2]))


def accept_or_go_on(later: float, constant: float = 0.0, price: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    """A conversation that ends with an acceptance, worth .25, at turn 1 of 3, and one that goes on to the turn limit.

    Both first replies are paid .2, later ones ``later``; every turn is paid ``constant`` more and costs ``price``.

    Returns:
        The returns of the first reply, (2,), and all advantages, (2, T).
    """
    pays = [0.2 + constant, later + constant, later + constant]
    accepted = episode([([5], [6, 7], pays[0] + 0.25 - price)], [5], False, [0.25 - price])
    went_on = episode([([5], [6, 7], pay - price) for pay in pays], [5], False, [-price] * 3)
    columns = advantage_columns([accepted, went_on], discounts=RETURNS, values=(0.0, 0.0))
    return columns[VALUE_TARGETS][:, 0], columns[ADVANTAGES]


@pytest.mark.parametrize(("later", "returns"), [(0.2, [0.25, 0.0]), (0.9, [0.2 - 0.55 + 0.25, 2.0 - 3 * 0.55])])
def test_a_constant_reward_does_not_decide_whether_to_finish_or_to_go_on(later: float, returns: list[float]) -> None:
    """The mean turn pays .2, then .55: that much counts for a turn that is not played."""
    worth, advantages = accept_or_go_on(later)
    assert worth.tolist() == pytest.approx(returns, abs=1e-6)
    # Values are 0, so the eight action tokens' returns are their advantages before they are whitened.
    assert advantages.sum().item() == pytest.approx(0, abs=1e-5)
    assert (advantages**2).sum().item() == pytest.approx(8, abs=1e-4)
    for constant in (-1.0, 0.3, 5.0):
        shifted, shifted_advantages = accept_or_go_on(later, constant)
        assert shifted.tolist() == pytest.approx(returns, abs=1e-5)
        torch.testing.assert_close(shifted_advantages, advantages, atol=1e-4, rtol=1e-4)


def test_the_price_of_a_turn_is_not_averaged_away() -> None:
    worth, _ = accept_or_go_on(0.2, price=0.1)
    assert worth.tolist() == pytest.approx([0.25 - 0.1, -0.3])


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
