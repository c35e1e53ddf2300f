"""Train a critic network by masked squared errors and AdamW, keep the best validation step, then solve its ridge.

Several processes may train one network: each takes its share of every batch (``Workers``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from algorithms.critic.critic import CriticNetwork
from algorithms.critic.pair_text import Pair, PairBatch, PairText
from algorithms.critic.progress import Progress
from algorithms.evaluators.regression_figures import r_squared, varies
from algorithms.finite import require_finite_loss
from algorithms.readers.counted_features import surface
from algorithms.readers.film_table import FilmTable
from algorithms.settings.critic import CriticSettings
from algorithms.settings.precision import computes_in_bfloat16
from envs.heads import Exchange
from envs.progress import OnStep

_WARMUP = 0.1
"""The learning rate rises over this share of the steps; then it falls along a cosine to a tenth."""
_BUCKET = 8
"""This many batches are drawn together and sorted by length, so that a batch holds pairs of similar length."""
_REPORT_EVERY = 10
_SCORING_BATCH = 128


_RIDGE_EXAMPLES = 20_000
"""The most examples that the ridge is solved on."""


@dataclass(frozen=True)
class Workers:
    """The processes that train a network together: this one's rank, their number, and a wrapper of the network."""

    rank: int = 0
    size: int = 1
    wrap: Callable[[CriticNetwork], nn.Module] = lambda network: network

    def add_up(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of all processes' tensors, in place."""
        if self.size > 1:
            torch.distributed.all_reduce(tensor)
        return tensor


@dataclass(frozen=True)
class Targets:
    """N exchanges with labels.

    Attributes:
        exchanges: what the critic reads.
        heads: the names of the labels' columns.
        values: (N, heads) in [0, 1].
        known: (N, heads) bool, False where a label is masked.
        originals: (N,) for a reply made from another by changing its film, the row of that other; -1 for all others.
    """

    exchanges: Sequence[Exchange]
    heads: tuple[str, ...]
    values: np.ndarray
    known: np.ndarray
    originals: np.ndarray

    @property
    def labelled(self) -> tuple[str, ...]:
        """The heads with a label at least."""
        return tuple(head for column, head in enumerate(self.heads) if self.known[:, column].any())

    def of(self, heads: Sequence[str]) -> Targets:
        """The same exchanges with the labels of some of the heads."""
        columns = [self.heads.index(head) for head in heads]
        return replace(self, heads=tuple(heads), values=self.values[:, columns], known=self.known[:, columns])


class CriticTraining:
    """One training run of a network."""

    def __init__(
        self,
        network: CriticNetwork,
        text: PairText,
        films: FilmTable,
        settings: CriticSettings,
        train: Targets,
        valid: Targets,
        world: Workers | None = None,
    ) -> None:
        """Tokenise both sets and start every head at the mean of its labels.

        Args:
            network: trained in place, on the device it is on; frozen parameters stay as they are.
            text: turns exchanges into its tokens.
            films: the films that the critic will know.
            settings: steps, batch size, learning rate, seed.
            train: the training examples.
            valid: the validation examples; they choose the step that is kept.
            world: the processes that train together; one process by default.
        """
        self._network, self._text, self._settings, self._valid = network, text, settings, valid
        self._world = world or Workers()
        self._pairs, self._valid_pairs = text.encode(train.exchanges), text.encode(valid.exchanges)
        self._device = next(network.parameters()).device
        self._numbers, self._valid_numbers = (
            torch.from_numpy(surface(part.exchanges, films)).to(self._device) for part in (train, valid)
        )
        # Each member weighs the examples at random (a Bayesian bootstrap), so members differ where data is thin.
        draws = np.random.default_rng([settings.seed, 23]).exponential(size=(len(train.exchanges), network.members))
        weights = draws if network.members > 1 else np.ones_like(draws)
        self._weights_NM = torch.from_numpy(weights.astype(np.float32)).to(self._device)
        self._values = torch.from_numpy(train.values).float().to(self._device)
        self._known = torch.from_numpy(train.known).float().to(self._device)
        self._originals = train.originals
        counts = self._known.sum(0).clamp(min=1.0)
        mean = (self._values * self._known).sum(0) / counts
        variance = (((self._values - mean) * self._known) ** 2).sum(0) / counts
        self._scale = 1.0 / variance.clamp(min=1e-3)
        network.start_at(mean)
        self._wrapped = self._world.wrap(network)
        self._progress = Progress.begin(network, settings)

    def run(self, on_step: OnStep, checkpoint: Path | None = None) -> int:
        """Train; put the weights of the best validation into the network and return its step.

        Args:
            on_step: called with the progress.
            checkpoint: file that is written at every validation except the last. Training resumes from it if it exists,
                and removes it at the end. Only the process of rank 0 writes.

        Raises:
            ModelError: the checkpoint is damaged or from another training, or the training diverged.
        """
        settings, progress = self._settings, self._progress
        if checkpoint is not None and checkpoint.is_file():
            progress.restore(checkpoint)
        losses: list[float] = []
        for step, rows in enumerate(self._batches(), start=1):
            if step <= progress.step:
                continue
            progress.step = step
            losses.append(self._update(rows, step))
            require_finite_loss(losses[-1], step, "critic.learning_rate")
            if step % settings.evaluate_every == 0 or step == settings.steps:
                quality = self.quality()
                progress.note(quality)
                on_step(step, settings.steps, {"loss": float(np.mean(losses)), "r2": quality})
                losses.clear()
                if progress.fruitless >= settings.patience:
                    break
                if checkpoint is not None and self._world.rank == 0 and step < settings.steps:
                    progress.save(checkpoint)
            elif step % _REPORT_EVERY == 0:
                on_step(step, settings.steps, {"loss": losses[-1]})
        progress.keep_best()
        self._solve_ridge()
        if checkpoint is not None and self._world.rank == 0:
            checkpoint.unlink(missing_ok=True)
        return progress.best_step

    def quality(self) -> float:
        """R2 of the trained members' mean score on the validation set, averaged over the heads whose labels vary.

        If those of no head vary, minus the mean squared error.
        """
        predictions, valid = self.predict()[:, :-1].mean(1), self._valid
        known = [np.flatnonzero(valid.known[:, head]) for head in range(self._network.outputs)]
        labels = [valid.values[rows, head] for head, rows in enumerate(known)]
        fits = [
            r_squared(labels[head], predictions[rows, head]) for head, rows in enumerate(known) if varies(labels[head])
        ]
        if not fits:
            return -float(((valid.values - predictions)[valid.known] ** 2).mean())
        return float(np.mean(fits))

    @torch.inference_mode()
    def predict(self) -> np.ndarray:
        """Scores (N, members + 1, heads) of the validation set, the ridge last."""
        self._network.eval()
        shape = len(self._valid_pairs), self._network.members + 1, self._network.outputs
        scores = torch.zeros(shape, device=self._device)
        for rows in self._own_parts(self._valid_pairs):
            index = torch.from_numpy(rows).to(self._device)
            with self._precision():
                scores[index] = self._network.scores(self._batch(self._valid_pairs, rows), self._valid_numbers[index])
        return self._world.add_up(scores).cpu().numpy()

    def _update(self, rows: np.ndarray, step: int) -> float:
        self._network.train()
        rows = rows[self._world.rank :: self._world.size]
        changed = np.flatnonzero(self._originals[rows] >= 0)
        rows = np.concatenate([rows, self._originals[rows[changed]]])
        index = torch.from_numpy(rows).to(self._device)
        with self._precision():
            logits = self._wrapped(self._batch(self._pairs, rows), self._numbers[index])
        scores = torch.sigmoid(logits.float())
        known = self._known[index][:, None] * self._weights_NM[index][:, :, None]  # (batch, members, heads)
        errors = (scores - self._values[index][:, None]) ** 2 * known * self._scale
        apart = self._differences(scores, index, known, torch.from_numpy(changed).to(self._device))
        loss = ((errors.sum(0) + self._settings.contrast * apart) / known.sum(0).clamp(min=1.0)).mean()
        optimizer = self._progress.optimizer
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * self._rate(step - 1)
        optimizer.step()
        return float(loss.detach())

    def _differences(
        self, scores: torch.Tensor, index: torch.Tensor, known: torch.Tensor, changed: torch.Tensor
    ) -> torch.Tensor:
        """Summed squared errors of the difference between a reply and its original, (members, heads).

        Two scores that are each nearly right may still be in the wrong order. This term teaches the effect of the
        changed film.

        Args:
            scores: (batch, members, heads); the last rows are the changed replies' originals, in the same order.
            index: (batch,) rows of the labels.
            known: (batch, members, heads) weights of the labels.
            changed: (changed,) indices of the changed replies in the batch.
        """
        first = len(index) - len(changed)
        labels = self._values[index][:, None]
        errors = (scores[changed] - scores[first:]) - (labels[changed] - labels[first:])
        return (errors**2 * torch.minimum(known[changed], known[first:]) * self._scale).sum(0)

    def _solve_ridge(self) -> None:
        """Solve the ridge on the frozen layers' features of at most ``_RIDGE_EXAMPLES`` examples."""
        rng = np.random.default_rng([self._settings.seed, 29])
        chosen = np.sort(rng.permutation(len(self._pairs))[:_RIDGE_EXAMPLES])
        train = (
            self._ridge_features([self._pairs[row] for row in chosen], self._numbers[chosen]),
            self._values[chosen],
            self._known[chosen],
        )
        valid = (
            self._ridge_features(self._valid_pairs, self._valid_numbers),
            torch.from_numpy(self._valid.values).to(self._device),
            torch.from_numpy(self._valid.known).to(self._device),
        )
        self._network.ridge.solve(train, valid)

    @torch.inference_mode()
    def _ridge_features(self, pairs: Sequence[Pair], numbers: torch.Tensor) -> torch.Tensor:
        self._network.eval()
        features = torch.zeros(len(pairs), len(self._network.ridge.mean), device=self._device)
        for rows in self._own_parts(pairs):
            index = torch.from_numpy(rows).to(self._device)
            with self._precision():
                features[index] = self._network.ridge_features(self._batch(pairs, rows), numbers[index]).float()
        return self._world.add_up(features)

    def _own_parts(self, pairs: Sequence[Pair]) -> Iterator[np.ndarray]:
        """This process's rows, in batches of similar length."""
        order = np.argsort([len(pair.ids) for pair in pairs], kind="stable")
        parts = np.split(order, range(_SCORING_BATCH, len(order), _SCORING_BATCH))
        yield from parts[self._world.rank :: self._world.size]

    def _precision(self) -> torch.autocast:
        half = computes_in_bfloat16(self._settings.precision, self._device.type)
        return torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=half)

    def _batch(self, pairs: Sequence[Pair], rows: np.ndarray) -> PairBatch:
        return self._text.collate([pairs[row] for row in rows]).to(self._device)

    def _batches(self) -> Iterator[np.ndarray]:
        """Row indices of ``steps`` batches: shuffled epochs, sorted by length inside buckets of batches."""
        rng = np.random.default_rng([self._settings.seed, 17])
        lengths = np.array([len(pair.ids) for pair in self._pairs])
        size = min(self._settings.batch_size, len(lengths))
        left = self._settings.steps
        while left:
            order = rng.permutation(len(lengths))
            batches: list[np.ndarray] = []
            for bucket in np.split(order, range(size * _BUCKET, len(order), size * _BUCKET)):
                bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
                batches += [part for part in np.split(bucket, range(size, len(bucket), size)) if len(part) == size]
            for index in rng.permutation(len(batches))[:left]:
                left -= 1
                yield batches[index]

    def _rate(self, step: int) -> float:
        warmup = max(1, int(_WARMUP * self._settings.steps))
        if step < warmup:
            return (step + 1) / warmup
        done = (step - warmup) / max(1, self._settings.steps - warmup)
        return 0.1 + 0.45 * (1 + float(np.cos(np.pi * done)))
