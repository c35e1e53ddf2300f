"""The critic's stage: train a critic on labels and write its folder."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from algorithms.critic.blend import Blend
from algorithms.critic.critic import Critic, CriticNetwork, PeopleMember, Trunk, save_critic
from algorithms.critic.encoder import Encoder, load_encoder
from algorithms.critic.pair_text import context_text
from algorithms.critic.training import CriticTraining, Targets
from algorithms.evaluators.head_figures import NO_FIGURES, head_figures
from algorithms.evaluators.regression_figures import varies
from algorithms.packaged_models import best_device
from algorithms.people.model import PeopleModel
from algorithms.readers.film_table import FilmTable
from algorithms.settings.critic import CriticSettings
from ecr_rl.labels.judge_folder import JUDGE, gives_heads, people_of, read_films
from ecr_rl.labels.judging.registry import RUBRIC
from ecr_rl.labels.replies.made_replies import Kind
from ecr_rl.labels.storage.store import LabelTable, read_labels
from ecr_rl.training.critic_workers import train_on_workers
from envs.corpora.spread import evenly_spread
from envs.errors import DataError
from envs.files import write_json
from envs.heads import Exchange
from envs.marks import further_seed
from envs.progress import OnStep

log = logging.getLogger(__name__)

FAMILIAR = 5
"""A tiny critic reads a film's name as one token if at least this many examples name the film."""
CHOOSING, BLENDING = 1500, 4000
"""The most validation rows that choose the kept step, and the most that the blend is fitted on."""


def build_critic(labels: Path, settings: CriticSettings, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train a critic on a label folder and write it to ``folder``; the same seed gives the same weights.

    Args:
        labels: a label folder; its split ``train`` is the training data, ``valid`` chooses the kept step and the blend.
        settings: encoders, steps, batch size, seed.
        folder: where the critic goes (see ``algorithms.critic.critic``), with ``metrics.json``, and the labels' judge
            if the label folder holds it. An interrupted training resumes from its last validation.
        on_step: called at the start, every ten steps and at each validation.

    Returns:
        ``{"heads": {head: {"r2", "r2_length", "spearman", "mae"}}, "without_figures": {head: reason}, "n", "examples",
        "step", "parameters"}``, measured on the validation split. A figure that labels do not define is None; a head
        without a label in train is not learnt at all.

    Raises:
        DataError: the folder holds no labels, none of a split, or both splits' labels are of other heads.
    """
    sources = (settings.encoder, *settings.more_encoders)
    total = settings.steps * len(sources)
    on_step(0, total, {})
    table, films = read_labels(labels), read_films(labels)
    train, valid = targets_of(table, labels, "train"), targets_of(table, labels, "valid")
    heads, lower = train.labelled, table.lower & set(train.labelled)
    without = tuple(head for head in table.heads if head not in heads)
    data = CriticData(train.of(heads), valid.of(heads), films)
    held_out = _some(data.valid, BLENDING)
    if not held_out.labelled:
        raise DataError(
            f"the split 'train' labels {', '.join(heads)} alone, and the split 'valid' none of that",
            file=labels,
            remedy="Label both splits on the same heads.",
        )
    reasons = _without_figures(held_out, without)
    for reason in dict.fromkeys(reasons.values()):
        log.warning("%s: %s", ", ".join(head for head in reasons if reasons[head] == reason), reason)
    made = []
    for index, source in enumerate(sources):
        own = settings.model_copy(update={"encoder": source, "seed": further_seed(settings.seed, index)})
        step = partial(_further, on_step, index * settings.steps, total)
        made.append(train_trunk(data, own, folder / f"training-{index}", step))
    trunks = [Trunk(trained.network, trained.encoder.text) for trained in made]
    learnt = people_of(labels)
    people = learnt if learnt is not None and _measures_again(learnt, table, labels) else None
    member = None if people is None else PeopleMember(people)
    critic = Critic(trunks, films, Blend.even(len(trunks), len(heads)), heads, lower, best_device(), people=member)
    prepared = critic.prepare(held_out.exchanges)
    scores = critic.forward(prepared)
    blend = Blend.fit(scores, held_out.values, held_out.known)
    predicted = critic.with_people(held_out.exchanges, prepared, *blend.of(scores))[0]
    replies = [exchange.reply for exchange in held_out.exchanges]
    figures = {
        "heads": head_figures(heads, held_out.values, held_out.known, predicted, replies)
        | {head: dict(NO_FIGURES) for head in without},
        "without_figures": reasons,
        "n": len(held_out.exchanges),
        "examples": len(data.train.exchanges),
        "step": [trained.step for trained in made],
        "parameters": sum(parameter.numel() for parameter in critic.parameters()),
    }
    card = {
        "settings": settings.model_dump(),
        "labels": dict(table.facts),
        "held_out": figures,
        "people": (learnt and learnt.learnt_from) or None,  # the labels of several judges rest on it, too
    }
    saved = [(trained.network, trained.encoder) for trained in made]
    if people is not None:
        member = PeopleMember(people, _errors(predicted, held_out, people.heads))
    save_critic(saved, films, blend, heads, card, folder, lower, without, member)
    if (labels / JUDGE).is_dir():
        shutil.copytree(labels / JUDGE, folder / JUDGE, dirs_exist_ok=True)
    for index in range(len(sources)):
        shutil.rmtree(folder / f"training-{index}", ignore_errors=True)
    write_json(folder / "metrics.json", figures)
    return figures


def _measures_again(model: PeopleModel, table: LabelTable, labels: Path) -> bool:
    """Whether the labels of the model's heads are the model's own, so that a critic need not learn them."""
    return table.facts["judge"]["name"] == RUBRIC and gives_heads(model, labels)


def _errors(predicted: np.ndarray, held_out: Targets, heads: Sequence[str]) -> dict[str, float]:
    """The root of the mean squared error of these heads' scores (N, heads), where there are labels."""
    errors = {}
    for column, head in enumerate(held_out.heads):
        known = held_out.known[:, column]
        if head in heads and known.any():
            errors[head] = float(np.sqrt(np.mean((predicted[known, column] - held_out.values[known, column]) ** 2)))
    return errors


def _without_figures(held_out: Targets, without: Sequence[str]) -> dict[str, str]:
    """Why heads have no figures or not all of them: those without labels in train, and those that validation lacks."""
    reasons = dict.fromkeys(without, "no label in the split train: the critic does not score it")
    for column, head in enumerate(held_out.heads):
        labels = held_out.values[held_out.known[:, column], column]
        if not len(labels):
            reasons[head] = "no label in the split valid: figures and spread are unknown"
        elif not varies(labels):
            reasons[head] = "labels in the split valid do not vary: R2 and correlations are not defined"
    return reasons


@dataclass(frozen=True)
class CriticData:
    """The data of a critic's training: labelled exchanges of both splits, and the films that it will know."""

    train: Targets
    valid: Targets
    films: FilmTable


@dataclass(frozen=True)
class TrainedTrunk:
    """A trained network, its encoder, and the step that its weights are from."""

    network: CriticNetwork
    encoder: Encoder
    step: int


def train_trunk(data: CriticData, settings: CriticSettings, folder: Path, on_step: OnStep) -> TrainedTrunk:
    """Train one network of a critic, in this process or on Ray Train's workers, as ``settings.workers`` says."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        encoder = load_encoder(settings, _texts(data.train.exchanges), _film_names(data))
        outputs = len(data.train.heads)
        network = CriticNetwork(encoder.model, encoder.width, outputs, settings.members, encoder.frozen_layers)
    choosing = _some(data.valid, CHOOSING)
    if settings.workers:
        step = train_on_workers(network, encoder, data.films, settings, data.train, choosing, folder, on_step)
    else:
        training = CriticTraining(network.to(best_device()), encoder.text, data.films, settings, data.train, choosing)
        step = training.run(on_step, folder / "progress.safetensors")
    return TrainedTrunk(network, encoder, step)


def _further(on_step: OnStep, before: int, total: int, done: int, _: int, figures: Any) -> None:
    if done:
        on_step(before + done, total, figures)


def targets_of(table: LabelTable, folder: Path, split: str) -> Targets:
    """The labels of a split, in the form of the critic's training.

    Raises:
        DataError: the table of ``folder`` has no label of that split.
    """
    part = table.select(split=split)
    if not part.labels.known.any():
        raise DataError(
            f"no labels of the split {split!r}",
            file=folder,
            remedy="Label train and valid dialogues: a critic learns from the one and is chosen by the other.",
        )
    labels = part.labels
    return Targets(part.exchanges, labels.heads, labels.values, labels.known, _originals(part))


def _originals(part: LabelTable) -> np.ndarray:
    """(N,) for a reply with a wrong film, the row of the human reply that it was made from; -1 for all others."""
    sources = list(zip(part.column("dialogue"), part.column("turn"), part.column("kind"), strict=True))
    humans = {source[:2]: row for row, source in enumerate(sources) if source[2] == Kind.HUMAN}
    rows = [humans.get((dialogue, turn), -1) if kind == Kind.WRONG_FILM else -1 for dialogue, turn, kind in sources]
    return np.array(rows)


def _some(targets: Targets, count: int) -> Targets:
    """At most ``count`` of the targets with a label, spread evenly."""
    labelled = np.flatnonzero(targets.known.any(1))
    rows = labelled[evenly_spread(len(labelled), count)]
    exchanges, alone = [targets.exchanges[row] for row in rows], np.full(len(rows), -1)
    return Targets(exchanges, targets.heads, targets.values[rows], targets.known[rows], alone)


def _texts(exchanges: Sequence[Exchange]) -> Iterator[str]:
    """The training texts of a tokenizer: each reply, and the newest part of its context."""
    for exchange in exchanges:
        yield exchange.reply
        yield context_text(exchange.context, characters=300)


def _film_names(data: CriticData) -> list[str]:
    """Names of the films that the examples name often enough to learn something of each."""
    counts = Counter(name for text in _texts(data.train.exchanges) for name in data.films.find(text))
    return sorted(name for name, count in counts.items() if count >= FAMILIAR)
