"""Generalised advantage estimation over the action tokens of conversations; pure maths on torch tensors.

Axes: B conversations, T positions of their token streams. Position t predicts token t + 1, so everything about an
action token stands one position before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Discounts:
    """Discount and lambda between tokens of a reply, and from a reply's last token to the next reply."""

    token: float = 1.0
    turn: float = 0.99
    token_lambda: float = 1.0
    turn_lambda: float = 0.95


def token_advantages(
    values_BT: torch.Tensor,
    rewards_BT: torch.Tensor,
    action_BT: torch.Tensor,
    turn_end_BT: torch.Tensor,
    bootstrap_B: torch.Tensor,
    discounts: Discounts,
) -> torch.Tensor:
    """GAE (Schulman et al., arXiv 1506.02438, eq. 16) along the chain of action tokens; the others are skipped.

    ``delta_i = r_i + g_i V_{i+1} - V_i`` and ``A_i = delta_i + g_i l_i A_{i+1}``, where i runs over a conversation's
    action tokens and g, l are the token's or, at a reply's last token, the turn's discount and lambda.

    Args:
        values_BT: value before each token, (B, T).
        rewards_BT: reward of each action token, (B, T).
        action_BT: bool, which positions predict an action token, (B, T).
        turn_end_BT: bool, which of them predict a reply's last token, (B, T).
        bootstrap_B: value after the last action, (B,): 0 where the conversation ended by itself.
        discounts: the four numbers.

    Returns:
        Advantages (B, T), 0 off the action positions.
    """
    advantages = torch.zeros_like(values_BT)
    next_value, next_advantage = bootstrap_B.clone(), torch.zeros_like(bootstrap_B)
    for t in range(values_BT.shape[1] - 1, -1, -1):
        last = turn_end_BT[:, t]
        discount = torch.where(last, discounts.turn, discounts.token)
        trace = discount * torch.where(last, discounts.turn_lambda, discounts.token_lambda)
        delta = rewards_BT[:, t] + discount * next_value - values_BT[:, t]
        advantage = delta + trace * next_advantage
        here = action_BT[:, t]
        advantages[:, t] = torch.where(here, advantage, 0.0)
        next_value = torch.where(here, values_BT[:, t], next_value)
        next_advantage = torch.where(here, advantage, next_advantage)
    return advantages


def adapted_kl_weight(weight: float, kl: float, target: float, gain: float = 0.1) -> float:
    """The proportional controller of Ziegler et al. (arXiv 1909.08593, sec. 2.2).

    ``weight * (1 + gain * clip(kl / target - 1, -0.2, 0.2))``; ``kl`` and ``target`` in nats a token.
    """
    return weight * (1 + gain * max(-0.2, min(0.2, kl / target - 1)))
