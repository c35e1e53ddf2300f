"""Benches: what is timed, and how often."""

from __future__ import annotations

from ecr_rl.bench import alternate


def test_both_alternate_after_a_round_that_does_not_count() -> None:
    calls: list[str] = []
    figures = alternate(
        lambda: calls.append("score"), lambda: calls.append("floor"), 10, 3, lambda done, total, figures: None
    )
    assert calls == ["floor", "score", "score", "floor"] * 2
    assert figures["rounds"] == len(figures["ratios"]) == 3
    assert figures["ratio"] == sorted(figures["ratios"])[1]
    assert figures["n"] == 10
