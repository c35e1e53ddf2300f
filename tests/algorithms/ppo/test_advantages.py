"""Advantages by hand: the bonus of an accepted film travels back over turns, cut conversations are bootstrapped."""

from __future__ import annotations

import pytest
import torch

from algorithms.ppo.advantages import Discounts, adapted_kl_weight, token_advantages


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def test_film_at_turn_1_accepted_at_turn_3_is_discounted_by_turn() -> None:
    # Three turns of two action tokens (a), each after one token of the seeker (s): s a a s a a s a a.
    action = row(0, 1, 1, 0, 1, 1, 0, 1, 1).bool()
    ends = row(0, 0, 1, 0, 0, 1, 0, 0, 1).bool()
    rewards = row(0, 0, 0, 0, 0, 0, 0, 0, 1)
    got = token_advantages(torch.zeros(1, 9), rewards, action, ends, torch.zeros(1), Discounts(1.0, 0.99, 1.0, 0.95))
    back = 0.99 * 0.95
    expected = row(0, back**2, back**2, 0, back, back, 0, 1, 1)
    torch.testing.assert_close(got, expected)


def test_values_are_taken_from_the_next_action_token_not_the_next_position() -> None:
    action, ends = row(1, 0, 1).bool(), row(1, 0, 1).bool()
    values = row(0.5, 100.0, 0.25)
    got = token_advantages(values, row(1, 0, 2), action, ends, torch.zeros(1), Discounts(1.0, 0.9, 1.0, 0.0))
    torch.testing.assert_close(got, row(1 + 0.9 * 0.25 - 0.5, 0, 2 - 0.25))


def test_cut_conversation_takes_the_value_of_its_last_observation() -> None:
    got = token_advantages(
        row(0.0), row(0.0), row(1).bool(), row(1).bool(), torch.tensor([2.0]), Discounts(1.0, 0.5, 1.0, 1.0)
    )
    torch.testing.assert_close(got, row(1.0))


@pytest.mark.parametrize(("kl", "factor"), [(0.1, 1.0), (0.11, 1.01), (1.0, 1.02), (0.0, 0.98)])
def test_kl_weight_moves_by_a_tenth_of_the_clipped_error(kl: float, factor: float) -> None:
    assert adapted_kl_weight(0.2, kl, 0.1) == pytest.approx(0.2 * factor)
