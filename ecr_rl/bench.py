"""Benches: a part of the platform beside its bare floor, alternating in one run."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from algorithms.blend import Blend
from algorithms.critic import Critic, CriticNetwork, Trunk
from algorithms.encoder import load_encoder
from algorithms.film_table import FilmTable
from algorithms.settings import CriticSettings
from ecr_rl.labels.examples import human_examples
from envs.heads import Exchange
from envs.progress import OnStep
from envs.sample import sample_corpus


def bench_critic(
    folder: Path | None, count: int, rounds: int, on_step: OnStep = lambda done, total, figures: None
) -> dict[str, Any]:
    """``Critic.score`` beside the bare forward passes of the same members on the same exchanges.

    Args:
        folder: a critic's; None: MiniLM's shape with untrained heads.
        count: exchanges of the embedded corpus.
        rounds: alternations of both.
        on_step: told of progress.

    Returns:
        ``ratio`` (median over the rounds of score's speed over the floor's), replies a second of both, ``n``,
        ``rounds``, ``threads`` and ``load`` (the machine's load average at the start).
    """
    exchanges = _exchanges(count)
    critic = Critic.load(folder) if folder is not None else _untrained(exchanges)
    prepared = critic.prepare(exchanges)
    return alternate(lambda: critic.score(exchanges), lambda: critic.forward(prepared), len(exchanges), rounds, on_step)


def alternate(
    work: Callable[[], object], floor: Callable[[], object], count: int, rounds: int, on_step: OnStep
) -> dict[str, Any]:
    """Time both in turns, each round the other one first, after one round that does not count."""
    load = os.getloadavg()[0]
    seconds: dict[str, list[float]] = {"score": [], "floor": []}
    parts = {"score": work, "floor": floor}
    for round_ in range(rounds + 1):
        on_step(round_, rounds + 1, {})
        for name in sorted(parts, reverse=bool(round_ % 2)):
            begun = time.perf_counter()
            parts[name]()
            if round_:
                seconds[name].append(time.perf_counter() - begun)
    on_step(rounds + 1, rounds + 1, {})
    ratios = [below / above for above, below in zip(seconds["score"], seconds["floor"], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        **{f"{name}_replies_per_second": count / statistics.median(found) for name, found in seconds.items()},
        "n": count,
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "load": load,
    }


def _exchanges(count: int) -> list[Exchange]:
    """Exchanges that are not seen twice, so that no memory of texts helps."""
    dialogues, catalog = sample_corpus(count)
    found = [example.evidence.exchange for example in human_examples(dialogues, catalog)]
    return list({(exchange.context, exchange.reply): exchange for exchange in found}.values())[:count]


def _untrained(exchanges: Sequence[Exchange]) -> Critic:
    settings = CriticSettings(encoder="minilm")
    encoder = load_encoder(settings, (exchange.reply for exchange in exchanges))
    network = CriticNetwork(encoder.model, encoder.width, settings.members, encoder.frozen_layers)
    _, catalog = sample_corpus(1)
    return Critic([Trunk(network, encoder.text)], FilmTable.of(catalog), Blend.even(1))
