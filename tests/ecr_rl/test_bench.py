"""Benches: what is timed, and how often."""

from __future__ import annotations

from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.benches.alternate import alternate
from ecr_rl.benches.recommender import bench_recommender
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


def test_without_a_recommender_one_of_the_settings_is_timed() -> None:
    corpus, settings = load_corpus(DataSettings(source="sample", limit=30)), RecommenderSettings(members=1, width=16)
    steps: list[tuple[int, int]] = []
    figures = bench_recommender(None, corpus, settings, 5, lambda done, total, _: steps.append((done, total)))
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert (figures["n"], figures["films"], steps[-1]) == (5, 448, (25, 25))
