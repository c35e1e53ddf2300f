"""Measure how fast a critic scores, compared with the bare forward passes of its networks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algorithms.critic.blend import Blend
from algorithms.critic.critic import Critic, CriticNetwork, Trunk
from algorithms.critic.encoder import load_encoder
from algorithms.readers.film_table import FilmTable
from algorithms.settings.critic import CriticSettings
from ecr_rl.benches.alternate import alternate
from ecr_rl.labels.replies.examples import human_examples
from envs.builtin_heads import HEADS
from envs.corpora.embedded.sample import sample_corpus
from envs.corpora.spread import evenly_spread
from envs.heads import Exchange
from envs.progress import OnStep


def bench_critic(
    folder: Path | None,
    settings: CriticSettings,
    count: int,
    rounds: int,
    on_step: OnStep = lambda done, total, figures: None,
) -> dict[str, Any]:
    """Compare ``Critic.score`` with the bare forward passes of the same members on the same exchanges.

    Args:
        folder: a critic's folder; None makes an untrained critic.
        settings: of the untrained critic.
        count: number of exchanges, from the embedded corpus.
        rounds: how often both are timed.
        on_step: called with the progress.

    Returns:
        ``ratio`` (median over the rounds of score's speed over the floor's), replies a second of both, ``n``,
        ``rounds``, ``threads`` and ``load`` (the machine's load average at the start).
    """
    exchanges = _exchanges(count)
    critic = Critic.load(folder) if folder is not None else _untrained(settings, exchanges)
    prepared = critic.prepare(exchanges)
    return alternate(lambda: critic.score(exchanges), lambda: critic.forward(prepared), len(exchanges), rounds, on_step)


def _exchanges(count: int) -> list[Exchange]:
    """Distinct exchanges, so that caches of texts do not help."""
    dialogues, catalog = sample_corpus(count)
    exchanges = [example.evidence.exchange for example in human_examples(dialogues, catalog)]
    distinct = list({(exchange.context, exchange.reply): exchange for exchange in exchanges}.values())
    return [distinct[index] for index in evenly_spread(len(distinct), count)]


def _untrained(settings: CriticSettings, exchanges: Sequence[Exchange]) -> Critic:
    encoder = load_encoder(settings, (exchange.reply for exchange in exchanges))
    heads = HEADS.names()
    network = CriticNetwork(encoder.model, encoder.width, len(heads), settings.members, encoder.frozen_layers)
    _, catalog = sample_corpus(1)
    return Critic([Trunk(network, encoder.text)], FilmTable.of(catalog), Blend.even(1, len(heads)), heads)
