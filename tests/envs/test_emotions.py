"""Emotions by name: ECR's threshold and top three."""

from __future__ import annotations

import numpy as np

from envs.emotions import NINE, emotion_cosines, named_emotions


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


def test_likeness_is_a_cosine_and_nothing_without_emotions() -> None:
    first, second = np.zeros((3, len(NINE))), np.zeros((3, len(NINE)))
    first[0, :2], second[0, :2] = (0.6, 0.8), (1.0, 0.0)
    first[1, 3] = second[1, 3] = 0.2
    first[2, 4] = 1.0
    np.testing.assert_allclose(emotion_cosines(first, second), [0.6, 1.0, 0.0])
