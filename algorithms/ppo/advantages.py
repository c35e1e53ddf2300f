"""From rewards to advantages of action tokens: centring, generalised advantage estimation, whitening.

Pure maths on torch tensors; means and deviations are over all learners' conversations.
Axes: B conversations, T positions of their token streams; see ``algorithms.ppo.estimators``.
"""

from __future__ import annotations

import torch

from algorithms.ppo.distributed import global_sums
from algorithms.ppo.estimators import Advantages, Conversations, Discounts


def centred(rewards_BT: torch.Tensor, turn_end_BT: torch.Tensor) -> torch.Tensor:
    """Take the mean turn's reward off every turn, at its reply's last token.

    A turn that a conversation does not play then counts as a mean one. So an early end neither gains nor loses what
    turns pay on average: a constant added to every turn's reward changes nothing. It is the differential return of
    Sutton & Barto (2018), eq. 10.9, with the mean over turns as the average reward.

    Args:
        rewards_BT: rewards of action tokens, 0 elsewhere, float (B, T).
        turn_end_BT: which positions predict a reply's last token, bool (B, T).
    """
    total, turns = global_sums(torch.stack([rewards_BT.sum(), turn_end_BT.sum()]).double())
    return rewards_BT - (total / turns).float() * turn_end_BT


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


def whiten(advantages: torch.Tensor, action: torch.Tensor, extra: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale advantages to mean 0 and standard deviation 1 over all learners' action tokens.

    Args:
        advantages: (B, T), 0 outside the mask.
        action: bool (B, T).
        extra: further sums, to add over all learners in the same call.

    Returns:
        The whitened advantages (B, T), and the global sums: count, sum, sum of squares, then ``extra``.
    """
    own = torch.stack([action.sum().float(), advantages.sum(), (advantages**2).sum()])
    sums = global_sums(torch.cat([own.double(), extra.double()]))
    whitened = (advantages - sums[1] / sums[0]) / deviation(sums).clamp(min=1e-4)
    return torch.where(action, whitened, 0.0).float(), sums


def deviation(sums: torch.Tensor) -> torch.Tensor:
    """The standard deviation of numbers of which ``sums`` holds count, sum and sum of squares."""
    mean = sums[1] / sums[0]
    return (sums[2] / sums[0] - mean**2).clamp(min=0).sqrt()


def adapted_kl_weight(weight: float, kl: float, target: float, gain: float = 0.1) -> float:
    """The proportional controller of Ziegler et al. (arXiv 1909.08593, sec. 2.2).

    ``weight * (1 + gain * clip(kl / target - 1, -0.2, 0.2))``; ``kl`` and ``target`` in nats a token.
    """
    return weight * (1 + gain * max(-0.2, min(0.2, kl / target - 1)))
