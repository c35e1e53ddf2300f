"""The learning rate by hand."""

from __future__ import annotations

import pytest

from algorithms.ppo.schedules import Schedule, learning_rate_factor


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1 / 3, 2 / 3, 1, 1, 1, 1]),
        ("linear", [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]),
        ("cosine", [1 / 3, 2 / 3, 1, 0.8535534, 0.5, 0.1464466]),  # (1 + cos 45 degrees) / 2
    ],
)
def test_rate_rises_and_falls(schedule: Schedule, factors: list[float]) -> None:
    assert [learning_rate_factor(done, 6, schedule, 2) for done in range(6)] == pytest.approx(factors)
    assert learning_rate_factor(-2, 6, schedule, 2) == factors[0]  # the value warm-up comes before
    assert learning_rate_factor(9, 6, schedule, 2) == pytest.approx(0 if schedule != "constant" else 1)


def test_without_warm_up_the_first_update_takes_the_whole_rate() -> None:
    assert [learning_rate_factor(done, 2, "linear", 0) for done in range(2)] == [1, 0.5]
    assert learning_rate_factor(0, 1, "cosine", 0) == 1
