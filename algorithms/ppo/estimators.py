"""Advantage estimators by name, and the types of their inputs and results.

Importing this loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from algorithms.settings.ppo import PPOSettings
from envs.errors import ConfigError
from envs.registry import Registry, call

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Discounts:
    """Discount and lambda, one pair between tokens of a reply, one from a reply's last token to the next reply."""

    token: float = 1.0
    turn: float = 0.99
    token_lambda: float = 1.0
    turn_lambda: float = 0.95


@dataclass(frozen=True, slots=True)
class Conversations:
    """The input of an estimator: B conversations, T positions of their token streams.

    Position t predicts token t + 1, so the values of an action token are at the position before it.

    Attributes:
        values_BT: value before each token, float (B, T).
        rewards_BT: reward of each action token, float (B, T): a turn's reward at its reply's last token, less the KL
            penalty of every token; centred as ``algorithms.ppo.advantages.centred`` says, acceptance and price of the
            turn apart.
        action_BT: which positions predict an action token, bool (B, T).
        turn_end_BT: which of them predict a reply's last token, bool (B, T).
        bootstrap_B: value after the last action, float (B,); 0 if the conversation ended, by itself or at the turn
            limit, and was not cut.
    """

    values_BT: torch.Tensor
    rewards_BT: torch.Tensor
    action_BT: torch.Tensor
    turn_end_BT: torch.Tensor
    bootstrap_B: torch.Tensor


@dataclass(frozen=True, slots=True)
class Advantages:
    """The result of an estimator; only action positions are read.

    Attributes:
        advantages_BT: how much better each action token was than expected, float (B, T). The caller then scales them to
            mean 0 and standard deviation 1 over all action tokens.
        targets_BT: the value head's training target before each action token, float (B, T).
    """

    advantages_BT: torch.Tensor
    targets_BT: torch.Tensor


class AdvantageEstimator(Protocol):
    """A deterministic function that keeps no state between batches."""

    def __call__(self, conversations: Conversations, discounts: Discounts) -> Advantages:
        """Estimate the advantages of a batch; gradients are off."""
        ...


ESTIMATORS: Registry[AdvantageEstimator] = Registry("advantage estimator", {"gae": "algorithms.ppo.advantages:gae"})
"""The estimators that ``ppo.advantage`` may name."""


def estimator_of(settings: PPOSettings) -> Callable[[Conversations], Advantages]:
    """The estimator that ``ppo.advantage`` names, with the discounts of the settings.

    The returned function raises ``ConfigError`` if your own estimator returns anything but ``Advantages`` of the
    conversations' shape.
    """
    name = settings.advantage
    discounts = Discounts(settings.token_discount, settings.turn_discount, settings.token_lambda, settings.turn_lambda)

    def estimate(conversations: Conversations) -> Advantages:
        result = call(ESTIMATORS, name, conversations, discounts)
        if not isinstance(result, Advantages):
            raise ConfigError(f"advantage estimator {name}: it gave a {type(result).__name__}, no Advantages")
        wanted = conversations.values_BT.shape
        shapes = result.advantages_BT.shape, result.targets_BT.shape
        if shapes != (wanted, wanted):
            raise ConfigError(
                f"advantage estimator {name}: advantages and targets have the shapes {tuple(shapes[0])} and "
                f"{tuple(shapes[1])}, not (B, T) = {tuple(wanted)}"
            )
        return result

    return estimate
