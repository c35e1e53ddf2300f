"""PPO's loss over the action tokens of conversations; pure maths on torch tensors.

Axes: B conversations, T positions of their token streams; position t predicts token t + 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from algorithms.settings.ppo import PPOSettings

OLD_LOGP, OLD_VALUES, ADVANTAGES, VALUE_TARGETS = "old_logp", "old_values", "advantages", "value_targets"
"""Columns of a batch that were computed before the first gradient step, (B, T); their last position is empty."""


@dataclass(frozen=True, slots=True)
class Minibatch:
    """What the policy that learns says of B conversations, and what was known before its first step.

    Attributes:
        action_BT: which positions predict an action token, bool (B, T); only they count.
        logp_BT, entropy_BT, values_BT: of the policy that learns, with gradient, float (B, T); entropy in nats.
        old_logp_BT, old_values_BT: of the policy that sampled, float (B, T).
        advantages_BT, targets_BT: of the estimator, float (B, T).
    """

    action_BT: torch.Tensor
    logp_BT: torch.Tensor
    entropy_BT: torch.Tensor
    values_BT: torch.Tensor
    old_logp_BT: torch.Tensor
    old_values_BT: torch.Tensor
    advantages_BT: torch.Tensor
    targets_BT: torch.Tensor

    @classmethod
    def of(cls, forward: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> Minibatch:
        """Put a module's forward, trimmed to its longest conversation of T + 1 tokens, beside the batch's columns.

        Args:
            forward: ``mask``, ``logp`` and ``entropy`` (B, T); ``values`` (B, T + 1), the last after the last token.
            batch: the columns above, of at least T positions.
        """
        width = forward["mask"].shape[1]
        return cls(
            action_BT=forward["mask"],
            logp_BT=forward["logp"],
            entropy_BT=forward["entropy"],
            values_BT=forward["values"][:, :width],
            old_logp_BT=batch[OLD_LOGP][:, :width],
            old_values_BT=batch[OLD_VALUES][:, :width],
            advantages_BT=batch[ADVANTAGES][:, :width],
            targets_BT=batch[VALUE_TARGETS][:, :width],
        )


def loss_sums(minibatch: Minibatch, ppo: PPOSettings) -> dict[str, torch.Tensor]:
    """Sum the terms of the loss, and what is logged beside them, over a minibatch's action tokens.

    Returns:
        Scalars by name. ``policy_loss``: minus the clipped objective (Schulman et al., arXiv 1707.06347, eq. 7).
        ``value_loss``: half the larger of the squared errors of the value and of the value clipped to within
        ``ppo.value_clip`` of the old one. ``entropy``, in nats. ``approximate_kl`` to the policy that sampled, in nats
        (Schulman's third estimator). ``clipped_share``: how many ratios are further than ``ppo.clip`` from 1.
    """
    action_BT, advantages_BT = minibatch.action_BT, minibatch.advantages_BT
    log_ratio_BT = torch.where(action_BT, minibatch.logp_BT - minibatch.old_logp_BT, 0.0)
    ratio_BT = log_ratio_BT.exp()
    clipped_BT = ratio_BT.clamp(1 - ppo.clip, 1 + ppo.clip)
    moved_BT = minibatch.values_BT - minibatch.old_values_BT
    near_BT = minibatch.old_values_BT + moved_BT.clamp(-ppo.value_clip, ppo.value_clip)
    error_BT, near_error_BT = minibatch.values_BT - minibatch.targets_BT, near_BT - minibatch.targets_BT
    terms = {
        "policy_loss": -torch.min(advantages_BT * ratio_BT, advantages_BT * clipped_BT),
        "value_loss": 0.5 * torch.max(error_BT**2, near_error_BT**2),
        "entropy": minibatch.entropy_BT,
        "approximate_kl": (ratio_BT - 1) - log_ratio_BT,
        "clipped_share": ((ratio_BT - 1).abs() > ppo.clip).float(),
    }
    return {name: torch.where(action_BT, term_BT, 0.0).sum() for name, term_BT in terms.items()}


def total_loss(sums: dict[str, torch.Tensor], ppo: PPOSettings, policy_frozen: bool) -> torch.Tensor:
    """What a gradient step lowers: policy loss, less the entropy bonus, plus the value loss with its coefficient.

    A frozen policy's part is multiplied by 0 and not left out: DistributedDataParallel waits for a gradient of every
    parameter.
    """
    policy = sums["policy_loss"] - ppo.entropy * sums["entropy"]
    return policy * (0.0 if policy_frozen else 1.0) + ppo.value_coefficient * sums["value_loss"]
