"""Benches: what is timed, and how often."""

from __future__ import annotations

import pytest

from ecr_rl.benches import recommender as recommender_bench
from ecr_rl.benches.alternate import alternate
from envs.corpora.corpus import load_corpus
from envs.settings import DataSettings


def test_both_alternate_after_a_round_that_does_not_count() -> None:
    calls: list[str] = []
    figures = alternate(
        lambda: calls.append("score"), lambda: calls.append("floor"), 10, 3, lambda done, total, figures: None
    )
    assert calls == ["floor", "score", "score", "floor"] * 2
    assert figures["rounds"] == len(figures["ratios"]) == 3
    assert figures["ratio"] == sorted(figures["ratios"])[1]
    assert figures["n"] == 10


def test_without_a_recommender_a_small_one_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        recommender_bench, "load_corpus", lambda _: load_corpus(DataSettings(source="sample", limit=30))
    )
    steps: list[tuple[int, int]] = []
    figures = recommender_bench.bench_recommender(None, "sample", 5, lambda done, total, _: steps.append((done, total)))
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert (figures["n"], figures["films"], steps[-1]) == (5, 448, (25, 25))
