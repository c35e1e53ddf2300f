"""The critic's stages: labels by the rubric, training, the second evaluator, and both held out against fresh labels.

The critic learns from every other train dialogue (the even ones), the second evaluator from the rest; both are held
out on the validation split, and ``evaluate_critic`` holds the critic out on any split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from algorithms.critic import CriticNetwork, save_critic
from algorithms.critic_training import CriticTraining, OnStep, Targets
from algorithms.encoder import load_encoder
from algorithms.film_table import FilmTable
from algorithms.language_model import best_device
from algorithms.pair_text import context_text
from algorithms.recommender import CooccurrenceRecommender
from algorithms.regression_figures import length_predictions, mean_absolute_error, r_squared, spearman
from algorithms.second_evaluator import SecondEvaluator
from algorithms.settings import CriticSettings, RecommenderSettings
from ecr_rl.labels.evidence import Labels
from ecr_rl.labels.labelled import LabelledSet, label
from envs.catalog import Catalog
from envs.corpus import Corpus
from envs.files import write_json
from envs.heads import HEADS, RewardModel

FAMILIAR = 5
"""Examples in which a film must be named for a tiny critic to read its name as one token."""
HELD_OUT = 1500
"""Examples of a held-out set at most."""
SECOND_EVALUATOR_EXAMPLES = 12_000
"""Examples that the second evaluator learns from at most."""


def head_figures(labels: Labels, predictions: np.ndarray, replies: Sequence[str]) -> dict[str, dict[str, float]]:
    """For each head: ``r2``, ``r2_length`` (what reply length alone reaches), ``spearman`` and ``mae``.

    Args:
        labels: of N replies; masked ones are left out.
        predictions: (N, heads).
        replies: the N replies.
    """
    figures = {}
    for head, name in enumerate(HEADS):
        rows = np.flatnonzero(labels.known[:, head])
        truth, predicted = labels.values[rows, head].astype(np.float64), predictions[rows, head]
        figures[name] = {
            "r2": r_squared(truth, predicted),
            "r2_length": r_squared(truth, length_predictions(truth, [replies[row] for row in rows])),
            "spearman": spearman(truth, predicted),
            "mae": mean_absolute_error(truth, predicted),
        }
    return figures


def build_critic(corpus: Corpus, settings: CriticSettings, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train a critic and leave it in ``folder``; the same seed gives the same weights.

    Args:
        corpus: train dialogues at even places are learnt from, the validation split chooses the step kept.
        settings: encoder, steps, batch size, seed.
        folder: gets ``critic.safetensors``, ``critic.json``, ``metrics.json`` and ``encoder/``.
        on_step: called at the start, every ten steps and at each validation.

    Returns:
        ``{"heads": {head: {"r2", "r2_length", "spearman", "mae"}}, "n", "examples", "step", "parameters"}``, held out
        on the validation split.
    """
    on_step(0, settings.steps, {})
    train = label(corpus.train[::2], corpus.catalog, settings.examples, settings.seed)
    valid = label(corpus.valid, corpus.catalog, HELD_OUT, settings.seed)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        encoder = load_encoder(settings, _texts(train), _film_names(train, corpus.catalog))
        network = CriticNetwork(encoder.model, encoder.width, settings.members).to(best_device())
    films = FilmTable.of(corpus.catalog)
    training = CriticTraining(network, encoder.text, films, settings, _targets(train), _targets(valid))
    step = training.run(on_step)
    figures = {
        "heads": head_figures(valid.labels, training.predict(), valid.replies),
        "n": len(valid.examples),
        "examples": len(train.examples),
        "step": step,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    save_critic(network, encoder, films, {"settings": settings.model_dump(), "held_out": figures}, folder)
    write_json(folder / "metrics.json", figures)
    return figures


def evaluate_critic(corpus: Corpus, critic: RewardModel, split: str = "test", seed: int = 0) -> dict[str, Any]:
    """Hold a critic out on a split's dialogues, human replies and made kinds together.

    Returns:
        ``{"heads": {head: {"r2", "r2_length", "spearman", "mae"}}, "n": examples}``.
    """
    held_out = label(corpus.splits[split], corpus.catalog, HELD_OUT, seed)
    scores = critic.score(held_out.exchanges).mean
    return {"heads": head_figures(held_out.labels, scores, held_out.replies), "n": len(held_out.examples)}


def build_second_evaluator(corpus: Corpus, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the evaluator that PPO never sees, on the train dialogues that the critic does not learn from.

    Returns:
        ``{"overall": {"r2", "r2_length", "spearman", "mae"}, "n", "examples"}``, held out on the validation split.
    """
    on_step(0, 2, {})
    train = label(corpus.train[1::2], corpus.catalog, SECOND_EVALUATOR_EXAMPLES, seed=1)
    valid = label(corpus.valid, corpus.catalog, HELD_OUT, seed=1)
    on_step(1, 2, {})
    overall = HEADS.index("overall")
    evaluator = SecondEvaluator.fit(train.exchanges, train.labels.values[:, overall])
    evaluator.save(folder)
    predictions = np.zeros(valid.labels.values.shape)
    predictions[:, overall] = evaluator.overall(valid.exchanges)
    heads = head_figures(valid.labels, predictions, valid.replies)
    figures = {"overall": heads["overall"], "n": len(valid.examples), "examples": len(train.examples)}
    write_json(folder / "metrics.json", figures)
    on_step(2, 2, {"r2_overall": heads["overall"]["r2"]})
    return figures


def build_recommender(corpus: Corpus, settings: RecommenderSettings, folder: Path) -> dict[str, Any]:
    """Fit the film recommender on all train dialogues.

    Returns:
        ``{"films", "dialogues"}``: the sizes of what it was fitted on.
    """
    CooccurrenceRecommender.fit(corpus.train, corpus.catalog, settings).save(folder)
    figures = {"films": len(corpus.catalog), "dialogues": len(corpus.train)}
    write_json(folder / "metrics.json", figures)
    return figures


def _targets(labelled: LabelledSet) -> Targets:
    return Targets(labelled.exchanges, labelled.labels.values, labelled.labels.known)


def _texts(labelled: LabelledSet) -> Iterator[str]:
    """What a tokenizer is learnt from: each reply, and the newest part of its context."""
    for exchange in labelled.exchanges:
        yield exchange.reply
        yield context_text(exchange.context, characters=300)


def _film_names(labelled: LabelledSet, catalog: Catalog) -> list[str]:
    """Names of the films that the examples' replies and seekers name often enough to learn something of each."""
    counts = Counter(film for example in labelled.examples for film in example.evidence.films + example.evidence.told)
    return [catalog.title(film) for film, count in sorted(counts.items()) if count >= FAMILIAR and film in catalog]
