"""Advantage estimators by name: GAE, an own one, and what a wrong one is answered."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from algorithms.ppo.advantages import gae
from algorithms.ppo.estimators import Advantages, Conversations, Discounts, estimator_of
from algorithms.settings.ppo import PPOSettings
from envs.errors import ConfigError

BATCH = Conversations(
    torch.tensor([[0.5, 0.25, 9.0]]),
    torch.tensor([[0.0, 1.0, 0.0]]),
    torch.tensor([[True, True, False]]),
    torch.tensor([[False, True, False]]),
    torch.zeros(1),
)


def rewards_alone(conversations: Conversations, discounts: Discounts) -> Advantages:
    """An own estimator: a token is as good as its own reward."""
    return Advantages(conversations.rewards_BT, conversations.rewards_BT * discounts.turn)


def one_number(conversations: Conversations, discounts: Discounts) -> Any:
    """No estimator."""
    return 1.0


def one_row(conversations: Conversations, discounts: Discounts) -> Advantages:
    """An estimator that loses the batch."""
    return Advantages(conversations.rewards_BT[0], conversations.rewards_BT)


def estimated(name: str) -> Advantages:
    return estimator_of(PPOSettings(advantage=name, turn_discount=0.5))(BATCH)


def test_gae_takes_the_settings_discounts() -> None:
    expected = gae(BATCH, Discounts(1.0, 0.5, 1.0, 0.95))
    assert torch.equal(estimated("gae").advantages_BT, expected.advantages_BT)
    assert torch.equal(estimated("gae").targets_BT, expected.targets_BT)


def test_an_own_estimator_is_a_function() -> None:
    own = estimated(f"{__name__}:rewards_alone")
    assert own.advantages_BT.tolist() == [[0.0, 1.0, 0.0]]
    assert own.targets_BT.tolist() == [[0.0, 0.5, 0.0]]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{__name__}:one_number", "it gave a float, no Advantages"),
        (f"{__name__}:one_row", r"the shapes \(3,\) and \(1, 3\), not \(B, T\) = \(1, 3\)"),
        (f"{__name__}:estimated", "called with"),
        ("gea", "Did you mean gae"),
    ],
)
def test_what_is_no_estimator_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        estimated(name)
