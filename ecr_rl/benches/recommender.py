"""Measure how long a recommender takes to find one dialogue's best films, on one thread."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from algorithms.recommender.recommender import Recommender
from algorithms.recommender.scorer import ranked
from algorithms.recommender.training import fit_recommender
from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.evaluation.recommender.recommendation import split_cases
from ecr_rl.evaluation.recommender.recommendation_figures import TOP
from envs.catalog import Catalog
from envs.corpora.corpus import Corpus
from envs.corpora.spread import evenly_spread
from envs.dialogue import Utterance, named_films
from envs.progress import OnStep

_WARM_UP = 20
_TOLD_EVERY = 50


def bench_recommender(
    folder: Path | None, corpus: Corpus, settings: RecommenderSettings, count: int, on_step: OnStep
) -> dict[str, Any]:
    """Time the recommendation for one context at a time: reading it, scoring the whole catalogue, ranking.

    Args:
        folder: a recommender's folder; None trains one on the corpus's train dialogues.
        corpus: its test dialogues give the contexts (protocol ``dedup``), spread evenly; if they are too few, they are
            repeated.
        settings: of the recommender that is trained.
        count: number of contexts that are timed, after a few for warm-up.
        on_step: called with the progress.

    Returns:
        ``p50_ms``, ``p99_ms``, ``n``, ``films``, ``encoder_share`` (of the time, in a text encoder), ``threads``,
        ``blas_limited`` (whether the environment bounds numpy's threads) and ``load`` (the load average at the start).
    """
    load = os.getloadavg()[0]
    scorer = Recommender.load(folder) if folder else fit_recommender(corpus.train, corpus.catalog, settings, on_step)
    ids = np.array(scorer.catalog.ids, dtype=np.int64)
    found = _contexts(corpus, scorer.catalog)
    contexts = cycle([found[index] for index in evenly_spread(len(found), _WARM_UP + count)])
    seconds: list[float] = []
    with _one_thread():
        for index, context in enumerate(islice(contexts, _WARM_UP + count)):
            begun = time.perf_counter()
            ranked(scorer.scores([context]), ids, TOP, [named_films(context)])
            seconds.append(time.perf_counter() - begun)
            if index % _TOLD_EVERY == 0:
                on_step(index, _WARM_UP + count, {})
    on_step(_WARM_UP + count, _WARM_UP + count, {})
    p50, p99 = np.quantile(seconds[_WARM_UP:], [0.5, 0.99]) * 1000
    return {
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "n": count,
        "films": len(ids),
        "encoder_share": 0.0,
        "threads": 1,
        "blas_limited": os.environ.get("OMP_NUM_THREADS") == "1",
        "load": load,
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _contexts(corpus: Corpus, catalog: Catalog) -> list[tuple[Utterance, ...]]:
    """The contexts of the test cases, films by the ids of the recommender's catalogue."""
    contexts = [case.context for case in split_cases(corpus.test, "dedup")]
    if corpus.catalog.ids == catalog.ids:
        return contexts
    return [
        tuple(replace(turn, text=catalog.link(corpus.catalog.render(turn.text))) for turn in context)
        for context in contexts
    ]
