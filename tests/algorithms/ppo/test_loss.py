"""The loss by hand, and its gradient by finite differences on a policy of two tokens."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from algorithms.ppo.loss import ADVANTAGES, OLD_LOGP, OLD_VALUES, VALUE_TARGETS, Minibatch, loss_sums, total_loss
from algorithms.settings.ppo import PPOSettings


def one_token(ratio: float = 1.0, advantage: float = 0.0, **others: float) -> tuple[Minibatch, dict[str, torch.Tensor]]:
    """A minibatch of one action token; beside it what a gradient may reach."""
    known: dict[str, float] = {"entropy": 0.0, "values": 0.0, "old_values": 0.0, "targets": 0.0, **others}
    numbers = {name: torch.tensor([[value]], dtype=torch.float64) for name, value in known.items()}
    learnt = {
        "logp": torch.tensor([[math.log(0.3 * ratio)]], dtype=torch.float64, requires_grad=True),
        "values": numbers["values"].requires_grad_(),
    }
    minibatch = Minibatch(
        action_BT=torch.tensor([[True]]),
        logp_BT=learnt["logp"],
        entropy_BT=numbers["entropy"],
        values_BT=learnt["values"],
        old_logp_BT=torch.tensor([[math.log(0.3)]], dtype=torch.float64),
        old_values_BT=numbers["old_values"],
        advantages_BT=torch.tensor([[advantage]], dtype=torch.float64),
        targets_BT=numbers["targets"],
    )
    return minibatch, learnt


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient"),
    [
        (1.5, 2.0, -2.4, 0.0),  # better and already likelier than the clip allows: no more of it
        (1.5, -2.0, 3.0, 3.0),  # worse and likelier: the whole way back
        (0.5, 2.0, -1.0, -1.0),  # better and rarer: the whole way back
        (0.5, -2.0, 1.6, 0.0),  # worse and already rarer than the clip allows
        (1.1, 2.0, -2.2, -2.2),  # within the clip the ratio counts as it is
        (1.1, -2.0, 2.2, 2.2),
        (0.9, 2.0, -1.8, -1.8),
        (0.9, -2.0, 1.8, 1.8),
    ],
)
def test_clipped_objective_on_both_sides_and_for_both_signs(
    ratio: float, advantage: float, loss: float, gradient: float
) -> None:
    minibatch, learnt = one_token(ratio, advantage)
    sums = loss_sums(minibatch, PPOSettings(clip=0.2))
    assert sums["policy_loss"].item() == pytest.approx(loss)
    assert sums["clipped_share"].item() == float(abs(ratio - 1) > 0.2)
    assert sums["approximate_kl"].item() == pytest.approx(ratio - 1 - math.log(ratio))
    sums["policy_loss"].backward()
    assert learnt["logp"].grad is not None and learnt["logp"].grad.item() == pytest.approx(gradient)


@pytest.mark.parametrize(
    ("value", "target", "loss", "gradient"),
    [
        (0.9, 1.0, 0.125, 0.0),  # near the target, but too far from the old value, 0: no further
        (-0.9, -1.0, 0.125, 0.0),
        (-0.9, 1.0, 1.805, -1.9),  # on the wrong side: the whole error
        (0.9, -1.0, 1.805, 1.9),
        (0.4, 1.0, 0.18, -0.6),  # within the clip
        (-0.4, -1.0, 0.18, 0.6),
    ],
)
def test_value_loss_is_the_larger_of_the_clipped_and_the_unclipped_error(
    value: float, target: float, loss: float, gradient: float
) -> None:
    minibatch, learnt = one_token(values=value, targets=target)
    value_loss = loss_sums(minibatch, PPOSettings(value_clip=0.5))["value_loss"]
    assert value_loss.item() == pytest.approx(loss)
    value_loss.backward()
    assert learnt["values"].grad is not None and learnt["values"].grad.item() == pytest.approx(gradient)


def test_terms_are_weighted_and_entropy_is_a_bonus() -> None:
    minibatch, _ = one_token(1.0, 2.0, entropy=0.6, targets=1.0)
    ppo = PPOSettings(entropy=0.1, value_coefficient=0.25, value_clip=0.5)
    sums = loss_sums(minibatch, ppo)
    assert total_loss(sums, ppo, policy_frozen=False).item() == pytest.approx(-2.0 - 0.1 * 0.6 + 0.25 * 0.5)
    assert total_loss(sums, ppo, policy_frozen=True).item() == pytest.approx(0.25 * 0.5)


def test_only_action_tokens_count() -> None:
    numbers = torch.rand(7, 2, 5, generator=torch.Generator().manual_seed(0))
    action = torch.tensor([[False, True, True, False, False], [True, False, False, True, False]])
    whole = loss_sums(Minibatch(action, *numbers), PPOSettings())
    with_other_padding = loss_sums(Minibatch(action, *torch.where(action, numbers, 1e6)), PPOSettings())
    row = loss_sums(Minibatch(torch.ones(1, 4, dtype=torch.bool), *numbers[:, None, action]), PPOSettings())
    for name, total in whole.items():
        assert total.item() == with_other_padding[name].item() == pytest.approx(row[name].item())


def test_each_column_stands_beside_what_the_forward_says_of_the_same_token() -> None:
    names = (OLD_LOGP, OLD_VALUES, ADVANTAGES, VALUE_TARGETS)
    batch = {name: torch.arange(6.0)[None] + 10 * index for index, name in enumerate(names, start=3)}
    forward = {"mask": torch.tensor([[False, True, True]]), "logp": torch.arange(3.0)[None]}
    forward |= {"entropy": torch.arange(10.0, 13)[None], "values": torch.arange(20.0, 24)[None]}
    minibatch = Minibatch.of(forward, batch)
    assert minibatch.action_BT.tolist() == [[False, True, True]]
    fields = ("logp", "entropy", "values", "old_logp", "old_values", "advantages", "targets")
    found = [getattr(minibatch, f"{name}_BT").tolist() for name in fields]
    assert found == [[[start, start + 1, start + 2]] for start in (0, 10, 20, 30, 40, 50, 60)]


class TwoTokens:
    """A policy of two tokens: token 1 has probability ``1 / (1 + exp(-weight))``; every state is worth ``value``."""

    SAID = (1, 0, 1, 1, 0, 0)
    ACTION = (True, True, True, True, True, False)  # the last is padding
    OLD_P = (0.55, 0.45, 0.8, 0.3, 0.6, 0.5)
    """What the policy that sampled gave the tokens said: some ratios are clipped, some not."""
    OLD_VALUES = (0.1, 0.9, -0.8, 0.2, 0.3, 9.0)
    ADVANTAGES = (1.0, -0.5, 0.7, 0.4, -1.2, 50.0)
    TARGETS = (0.6, 0.2, 1.5, 0.3, -0.7, 70.0)

    @classmethod
    def by_hand(cls, weight: float, value: float, ppo: PPOSettings) -> float:
        """The loss, written down token by token."""
        p = 1 / (1 + math.exp(-weight))
        entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
        loss = 0.0
        for index in range(5):
            ratio = (p if cls.SAID[index] else 1 - p) / cls.OLD_P[index]
            advantage, old, target = cls.ADVANTAGES[index], cls.OLD_VALUES[index], cls.TARGETS[index]
            within = min(1 + ppo.clip, max(1 - ppo.clip, ratio))
            near = min(old + ppo.value_clip, max(old - ppo.value_clip, value))
            loss -= min(ratio * advantage, within * advantage) + ppo.entropy * entropy
            loss += ppo.value_coefficient * 0.5 * max((value - target) ** 2, (near - target) ** 2)
        return loss

    @classmethod
    def by_code(cls, weight: torch.Tensor, value: torch.Tensor, ppo: PPOSettings) -> torch.Tensor:
        """The same from the minibatch that a module would make."""
        logs = torch.log_softmax(torch.stack([torch.zeros_like(weight), weight]), 0)
        numbers: Any = (cls.OLD_P, cls.OLD_VALUES, cls.ADVANTAGES, cls.TARGETS)
        old_p, old_values, advantages, targets = (torch.tensor([row], dtype=torch.float64) for row in numbers)
        minibatch = Minibatch(
            action_BT=torch.tensor([cls.ACTION]),
            logp_BT=logs[torch.tensor([cls.SAID])],
            entropy_BT=(-(logs.exp() * logs).sum()).expand(1, 6),
            values_BT=value.expand(1, 6),
            old_logp_BT=old_p.log(),
            old_values_BT=old_values,
            advantages_BT=advantages,
            targets_BT=targets,
        )
        return total_loss(loss_sums(minibatch, ppo), ppo, policy_frozen=False)


@pytest.mark.parametrize("weight", [-1.3, -0.2, 0.7, 1.9])
@pytest.mark.parametrize("value", [-1.0, 0.15, 0.75])
def test_gradient_is_that_of_the_loss_written_by_hand(weight: float, value: float) -> None:
    ppo = PPOSettings(clip=0.2, value_clip=0.3, entropy=0.15, value_coefficient=0.4)
    learnt = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in (weight, value)]
    loss = TwoTokens.by_code(learnt[0], learnt[1], ppo)
    assert loss.item() == pytest.approx(TwoTokens.by_hand(weight, value, ppo))
    loss.backward()
    step = 1e-6
    by_weight = TwoTokens.by_hand(weight + step, value, ppo) - TwoTokens.by_hand(weight - step, value, ppo)
    by_value = TwoTokens.by_hand(weight, value + step, ppo) - TwoTokens.by_hand(weight, value - step, ppo)
    gradients = [each.grad.item() for each in learnt if each.grad is not None]
    assert gradients == pytest.approx([by_weight / (2 * step), by_value / (2 * step)], abs=1e-6)
