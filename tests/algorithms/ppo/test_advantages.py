"""Advantages by hand: what a turn is compared with, which reward reaches which token, and how far."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.ppo.advantages import adapted_kl_weight, centred, gae, whiten
from algorithms.ppo.estimators import Conversations, Discounts


def advantages(
    values: list[float], rewards: list[float], kinds: str, bootstrap: float, discounts: Discounts
) -> list[float]:
    """One conversation; ``kinds``: o observation, a action token, e a reply's last token."""
    conversations = Conversations(
        torch.tensor([values], dtype=torch.float64),
        torch.tensor([rewards], dtype=torch.float64),
        torch.tensor([[kind in "ae" for kind in kinds]]),
        torch.tensor([[kind == "e" for kind in kinds]]),
        torch.tensor([bootstrap], dtype=torch.float64),
    )
    return gae(conversations, discounts).advantages_BT[0].tolist()


def test_film_named_in_the_first_turn_is_paid_when_accepted_in_the_third() -> None:
    # Three replies of two tokens; the only reward, 1, comes with the acceptance after the third.
    kinds, values = "oaeoaeoae", [9.0, 0.2, 0.2, 9.0, 0.4, 0.4, 9.0, 0.6, 0.6]
    rewards = [0.0] * 8 + [1.0]
    turn = 0.99 * 0.95
    third = 1.0 - 0.6
    second = (0.99 * 0.6 - 0.4) + turn * third
    first = (0.99 * 0.4 - 0.2) + turn * second
    result = advantages(values, rewards, kinds, 0.0, Discounts())
    assert result == pytest.approx([0, first, first, 0, second, second, 0, third, third])
    assert first > 0.6, "most of the reward reaches the reply that named the film"


def test_every_reward_and_discount_stands_where_the_equations_put_it() -> None:
    discounts = Discounts(token=0.9, turn=0.8, token_lambda=0.7, turn_lambda=0.6)
    result = advantages([1.0, 2.0, 5.0, 3.0], [0.5, 1.5, 7.0, 2.5], "aeoe", 4.0, discounts)
    last = 2.5 + 0.8 * 4.0 - 3.0
    ending = 1.5 + 0.8 * 3.0 - 2.0 + 0.8 * 0.6 * last
    assert result == pytest.approx([0.5 + 0.9 * 2.0 - 1.0 + 0.9 * 0.7 * ending, ending, 0.0, last])


def test_only_a_truncated_conversation_is_worth_something_after_its_end() -> None:
    over = advantages([0.3, 0.3], [0.0, 1.0], "ae", 0.0, Discounts())
    cut = advantages([0.3, 0.3], [0.0, 1.0], "ae", 2.0, Discounts())
    assert cut[1] - over[1] == pytest.approx(0.99 * 2.0)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(2, 20))
@settings(max_examples=50, deadline=None)
def test_with_lambda_one_advantage_plus_value_is_the_discounted_return(seed: int, batch: int, time: int) -> None:
    rng = np.random.default_rng(seed)
    values, rewards = rng.normal(size=(2, batch, time))
    action = rng.random((batch, time)) < 0.7
    ends = action & (rng.random((batch, time)) < 0.3)
    bootstrap = rng.normal(size=batch)
    discounts = Discounts(token=0.97, turn=0.9, token_lambda=1.0, turn_lambda=1.0)
    conversations = Conversations(*(torch.from_numpy(array) for array in (values, rewards, action, ends, bootstrap)))
    estimated = gae(conversations, discounts)
    result, targets = estimated.advantages_BT.numpy(), estimated.targets_BT.numpy()
    for row in range(batch):
        worth = bootstrap[row]
        for t in reversed(np.flatnonzero(action[row])):
            worth = rewards[row, t] + (0.9 if ends[row, t] else 0.97) * worth
            assert result[row, t] + values[row, t] == pytest.approx(worth, abs=1e-5)
            assert targets[row, t] == pytest.approx(worth, abs=1e-5)
    assert not result[~action].any()


def test_the_mean_turn_is_taken_off_at_each_replys_last_token() -> None:
    rewards = torch.tensor([[-0.1, 2.0, 0.0, 1.0], [0.1, 3.0, 0.0, 0.0]])
    ends = torch.tensor([[False, True, False, True], [False, True, False, False]])
    expected = [[-0.1, 0.0, 0.0, -1.0], [0.1, 1.0, 0.0, 0.0]]  # 6 in three turns
    torch.testing.assert_close(centred(rewards, ends), torch.tensor(expected))


def test_whitened_advantages_have_mean_zero_and_deviation_one_over_action_tokens() -> None:
    action = torch.rand(4, 30, generator=torch.Generator().manual_seed(0)) < 0.4
    raw = torch.randn(4, 30, generator=torch.Generator().manual_seed(1)) * 5 + 3
    whitened, sums = whiten(torch.where(action, raw, 0.0), action, torch.tensor([2.5]))
    assert whitened[action].mean().item() == pytest.approx(0, abs=1e-5)
    assert whitened[action].std(unbiased=False).item() == pytest.approx(1, abs=1e-5)
    assert torch.equal(whitened[action].argsort(), raw[action].argsort())
    assert not whitened[~action].any()
    assert sums[0] == action.sum() and sums[3] == 2.5


def test_equal_advantages_do_not_divide_by_zero() -> None:
    action = torch.ones(2, 3, dtype=torch.bool)
    whitened, _ = whiten(torch.full((2, 3), 1.7), action, torch.zeros(1))
    assert whitened.abs().max() < 1e-2


def test_kl_weight_moves_towards_its_target_in_small_steps() -> None:
    assert adapted_kl_weight(0.05, 0.02, 0.02) == pytest.approx(0.05)
    assert adapted_kl_weight(0.05, 0.022, 0.02) == pytest.approx(0.05 * 1.01)
    assert adapted_kl_weight(0.05, 9.0, 0.02) == pytest.approx(0.05 * 1.02)
    assert adapted_kl_weight(0.05, 0.0, 0.02) == pytest.approx(0.05 * 0.98)
