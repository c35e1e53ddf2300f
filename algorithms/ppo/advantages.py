"""Generalised advantage estimation over the action tokens of conversations; pure maths on torch tensors.

Axes: B conversations, T positions of their token streams; see ``algorithms.ppo.estimators``.
"""

from __future__ import annotations

import torch

from algorithms.ppo.estimators import Advantages, Conversations, Discounts


def gae(conversations: Conversations, discounts: Discounts) -> Advantages:
    """GAE (Schulman et al., arXiv 1506.02438, eq. 16) along the chain of action tokens; other tokens are skipped.

    ``delta_i = r_i + g_i V_{i+1} - V_i`` and ``A_i = delta_i + g_i l_i A_{i+1}``, where i runs over a conversation's
    action tokens and g, l are the token's or, at a reply's last token, the turn's discount and lambda.

    Returns:
        Advantages (B, T), 0 off the action positions; their sum with the values is what the value head learns.
    """
    values_BT, rewards_BT = conversations.values_BT, conversations.rewards_BT
    next_value, next_advantage = conversations.bootstrap_B.clone(), torch.zeros_like(conversations.bootstrap_B)
    advantages = torch.zeros_like(values_BT)
    for t in range(values_BT.shape[1] - 1, -1, -1):
        last = conversations.turn_end_BT[:, t]
        discount = torch.where(last, discounts.turn, discounts.token)
        trace = discount * torch.where(last, discounts.turn_lambda, discounts.token_lambda)
        delta = rewards_BT[:, t] + discount * next_value - values_BT[:, t]
        advantage = delta + trace * next_advantage
        here = conversations.action_BT[:, t]
        advantages[:, t] = torch.where(here, advantage, 0.0)
        next_value = torch.where(here, values_BT[:, t], next_value)
        next_advantage = torch.where(here, advantage, next_advantage)
    return Advantages(advantages, advantages + values_BT)


def adapted_kl_weight(weight: float, kl: float, target: float, gain: float = 0.1) -> float:
    """The proportional controller of Ziegler et al. (arXiv 1909.08593, sec. 2.2).

    ``weight * (1 + gain * clip(kl / target - 1, -0.2, 0.2))``; ``kl`` and ``target`` in nats a token.
    """
    return weight * (1 + gain * max(-0.2, min(0.2, kl / target - 1)))
