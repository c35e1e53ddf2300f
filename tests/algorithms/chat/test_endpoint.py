"""Chats with an endpoint: their pace. What faults come to is held by the tests of the judge and of the seeker."""

from __future__ import annotations

from algorithms.chat.endpoint import RateLimit


def test_calls_keep_their_pace() -> None:
    now, slept = [0.0], []
    limit = RateLimit(30, clock=lambda: now[0], sleep=slept.append)
    for _ in range(3):
        limit.wait()
    assert slept == [2.0, 4.0]
