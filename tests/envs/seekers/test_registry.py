"""Seekers by name: own ones as module:Class, and what a wrong one is answered."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from envs.errors import ConfigError
from envs.seekers.profile import ProfileSeeker, first_lines
from envs.seekers.registry import SeekerInputs, build_seeker
from envs.seekers.replay import ReplaySeeker
from envs.settings import EnvSettings
from envs.turns.state import ConversationState, SeekerTurn
from tests.envs.conversations import vector
from tests.envs.doubles import six_films


class Polite:
    """A seeker of two turns that says one thing."""

    turns = 2

    def __init__(self, inputs: SeekerInputs) -> None:
        """Take what seekers are made from."""
        self.start = lambda dialogue, rng: first_lines(dialogue)

    def answer(self, states: Sequence[ConversationState]) -> list[SeekerTurn]:
        """Thanks."""
        return [SeekerTurn("Thank you!") for _ in states]


class Mute:
    """A seeker without answers."""

    turns = 2

    def __init__(self, inputs: SeekerInputs) -> None:
        """Take what seekers are made from."""


def inputs(name: str) -> SeekerInputs:
    return SeekerInputs(EnvSettings(seeker=name, horizon=1, max_turns=3), six_films())


def test_the_worlds_seekers_stay_as_long_as_the_settings_say() -> None:
    assert isinstance(build_seeker(inputs("replay")), ReplaySeeker)
    assert isinstance(build_seeker(inputs("profile")), ProfileSeeker)
    assert (build_seeker(inputs("replay")).turns, build_seeker(inputs("profile")).turns) == (1, 3)


def test_an_own_seeker_converses() -> None:
    env = vector(1, settings=EnvSettings(seeker=f"{__name__}:Polite"))
    env.reset(seed=0)
    assert "Thank you!" in env.step(["Hello"])[0][0]
    assert env.step(["Hello"])[2][0], "its two turns are over"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{__name__}:Mute", "Mute has no answer, start, which every seeker has"),
        (f"{__name__}:six_films", "called with"),
        (f"{__name__}:Nobody", "has no Nobody"),
        ("profle", "Did you mean profile"),
    ],
)
def test_a_part_that_is_no_seeker_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_seeker(inputs(name))
