"""Emotions by name: ECR's threshold and top three."""

from __future__ import annotations

import numpy as np

from envs.emotions import NINE, named_emotions


def test_emotions_are_named_from_the_threshold_on_the_strongest_first_three_at_most() -> None:
    nine = np.zeros((4, len(NINE)))
    nine[0, [NINE.index("happy"), NINE.index("curious")]] = 0.3, 0.7
    nine[1, :5] = 0.1, 0.3, 0.2, 0.15, 0.25
    nine[2] = 1 / len(NINE)
    nine[3, 5] = 0.0999
    assert named_emotions(nine) == [
        ("curious", "happy"),
        ("curious", "negative", "happy"),
        ("like", "curious", "happy"),
        (),
    ]
    assert named_emotions(np.zeros((0, len(NINE)))) == []
