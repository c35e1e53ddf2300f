"""What pays for replies: the critic's heads, two controls, or a source from outside.

A control pays in place of the heads: chance, or the reply's length. What a policy gains under it in an evaluation is no
sign of better conversations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from envs.heads import Exchange
from envs.registry import Registry
from envs.settings import RewardSettings


@dataclass(frozen=True, slots=True)
class RewardInputs:
    """What a reward source is made from.

    Attributes:
        settings: weights and caps of the section ``reward``.
        length: mean and standard deviation of the words of the reference policy's replies.
    """

    settings: RewardSettings
    length: tuple[float, float]

    @property
    def weight(self) -> float:
        """The weights of all heads together: what a control's standard deviation pays."""
        return float(np.sum(list(self.settings.weights.values())))

    def longer(self, reply: str) -> float:
        """By how many standard deviations the reply has more words than the reference policy's mean."""
        mean, deviation = self.length
        return (len(reply.split()) - mean) / deviation


@dataclass(frozen=True, slots=True)
class JudgedReply:
    """A reply that is to be paid.

    Attributes:
        exchange: the turns before it and the reply, films as titles in both.
        heads: what each head pays for it by name: normalised, capped and weighted.
        seed_key: seed, stream and index of the conversation, and the turn, from 1. A source that draws at random seeds
            a generator with these numbers, so that a conversation is paid the same whatever else runs beside it.
    """

    exchange: Exchange
    heads: Mapping[str, float]
    seed_key: tuple[int, ...]


class RewardSource(Protocol):
    """Pays for replies; penalties, acceptance and the price of a turn are added to what it pays."""

    def pay(self, replies: Sequence[JudgedReply]) -> Sequence[Mapping[str, float]]:
        """What each of N replies is paid, by name; the numbers are parts of the reward, and finite."""
        ...


class CriticReward:
    """The heads' pay as it is."""

    def __init__(self, inputs: RewardInputs) -> None:
        """Nothing is needed beyond what the heads pay."""

    def pay(self, replies: Sequence[JudgedReply]) -> list[Mapping[str, float]]:
        """What each head pays, by name."""
        return [reply.heads for reply in replies]


class RandomReward:
    """The control ``random``: a standard normal number, whatever the reply says."""

    def __init__(self, inputs: RewardInputs) -> None:
        """Pay as much as all heads do together for a score of so many standard deviations."""
        self._weight = inputs.weight

    def pay(self, replies: Sequence[JudgedReply]) -> list[Mapping[str, float]]:
        """``random`` for each reply, a function of its conversation and turn."""
        # The last 2 keeps these generators apart from those of the episode and of the sampling noise.
        drawn = (np.random.default_rng([*reply.seed_key, 2]).standard_normal() for reply in replies)
        return [{"random": self._weight * float(number)} for number in drawn]


class LengthReward:
    """The control ``length``: the number of words, as a score in standard deviations."""

    def __init__(self, inputs: RewardInputs) -> None:
        """Pay as much as all heads do together for such a score, and cap it as theirs are."""
        self._inputs = inputs

    def pay(self, replies: Sequence[JudgedReply]) -> list[Mapping[str, float]]:
        """``length`` for each reply."""
        weight, cap = self._inputs.weight, self._inputs.settings.cap
        return [{"length": weight * min(cap, self._inputs.longer(reply.exchange.reply))} for reply in replies]


REWARD_SOURCES: Registry[Callable[[RewardInputs], RewardSource]] = Registry(
    "reward source", {"critic": CriticReward, "random": RandomReward, "length": LengthReward}
)
"""What makes each source: a class or function that takes ``RewardInputs``."""
