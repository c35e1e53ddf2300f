"""Environments to test with, and how a test plays them."""

from __future__ import annotations

from typing import Any

from envs.conversation import EVALUATION, ConversationEnv, ConversationVectorEnv, TurnOutcome
from envs.dialogue import Utterance
from tests.envs.doubles import (
    six_films,
    three_dialogues,
)

REPLIES = ("What do you like?", "How about <movie>?", "It is a film about a thief and a cop.", "<movie2>, maybe?")


def vector(num_envs: int = 3, **arguments: Any) -> ConversationVectorEnv:
    return ConversationVectorEnv(
        **{"dialogues": three_dialogues(), "catalog": six_films(), **arguments}, num_envs=num_envs
    )


def single(**arguments: Any) -> ConversationEnv:
    return ConversationEnv(**{"dialogues": three_dialogues(), "catalog": six_films(), **arguments})


def started(env: ConversationEnv, index: int = 0) -> str:
    """Reset to the dialogue ``index``."""
    return env.reset(options={"episodes": [(EVALUATION, index)]})[0]


def step(env: ConversationEnv, action: str) -> tuple[str, float, TurnOutcome]:
    observation, reward, _, _, info = env.step(action)
    return observation, reward, info["turn"]


def transcripts(env: ConversationVectorEnv) -> list[list[Utterance]]:
    return [state.rendered for state in env.conversations if state is not None]


def play(env: ConversationVectorEnv, seed: int | None = None, **options: Any) -> list[Any]:
    """A whole batch of conversations: observations, rewards, flags of every step."""
    trace: list[Any] = [env.reset(seed=seed, options=options)[0]]
    for turn in range(8):
        observed, rewards, terminated, truncated, _ = env.step([REPLIES[turn % len(REPLIES)]] * env.num_envs)
        trace.append((observed, rewards.tolist(), terminated.tolist(), truncated.tolist()))
        if (terminated | truncated).all():
            return trace
    raise AssertionError("conversations do not end")
