"""Training of a critic network: masked squared errors, AdamW, the best validation step kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from algorithms.critic import CriticNetwork
from algorithms.film_table import FilmTable
from algorithms.pair_text import Pair, PairBatch, PairText
from algorithms.regression_figures import r_squared
from algorithms.settings import CriticSettings
from algorithms.surface import surface
from envs.heads import HEADS, Exchange
from envs.progress import OnStep

_WARMUP = 0.1
"""Share of the steps over which the learning rate rises; afterwards it falls as a cosine to a tenth."""
_BUCKET = 8
"""Batches drawn together and sorted by length, so that a batch holds pairs of like length."""
_REPORT_EVERY = 10
_SCORING_BATCH = 128


@dataclass(frozen=True)
class Targets:
    """Exchanges with labels: ``values`` (N, heads) in [0, 1], ``known`` (N, heads) bool, False where masked."""

    exchanges: Sequence[Exchange]
    values: np.ndarray
    known: np.ndarray


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
    ) -> None:
        """Tokenise both sets and start every head at the mean of its labels.

        Args:
            network: trained in place, on the device it is on; frozen parameters stay as they are.
            text: its text form.
            films: those that the critic will know.
            settings: steps, batch size, learning rate, seed.
            train: what is learnt from.
            valid: what chooses the step that is kept.
        """
        self._network, self._text, self._settings, self._valid = network, text, settings, valid
        self._pairs, self._valid_pairs = text.encode(train.exchanges), text.encode(valid.exchanges)
        self._device = next(network.parameters()).device
        self._numbers, self._valid_numbers = (
            torch.from_numpy(surface(part.exchanges, films)).to(self._device) for part in (train, valid)
        )
        # Each member weighs the examples its own way (a Bayesian bootstrap): members differ where data is thin.
        draws = np.random.default_rng([settings.seed, 23]).exponential(size=(len(train.exchanges), network.members))
        weights = draws if network.members > 1 else np.ones_like(draws)
        self._weights_NM = torch.from_numpy(weights.astype(np.float32)).to(self._device)
        self._values = torch.from_numpy(train.values).float().to(self._device)
        self._known = torch.from_numpy(train.known).float().to(self._device)
        counts = self._known.sum(0).clamp(min=1.0)
        mean = (self._values * self._known).sum(0) / counts
        variance = (((self._values - mean) * self._known) ** 2).sum(0) / counts
        self._scale = 1.0 / variance.clamp(min=1e-3)
        network.start_at(mean)

    def run(self, on_step: OnStep) -> int:
        """Train; the network ends with the weights of the best validation, whose step is returned."""
        settings = self._settings
        learnt = [parameter for parameter in self._network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(learnt, lr=settings.learning_rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        best, best_step, kept = -np.inf, 0, self._weights()
        losses: list[float] = []
        for step, rows in enumerate(self._batches(), start=1):
            losses.append(self._update(rows, optimizer))
            schedule.step()
            if step % settings.evaluate_every == 0 or step == settings.steps:
                quality = self.quality()
                if quality > best:
                    best, best_step, kept = quality, step, self._weights()
                on_step(step, settings.steps, {"loss": float(np.mean(losses)), "r2": quality})
                losses.clear()
            elif step % _REPORT_EVERY == 0:
                on_step(step, settings.steps, {"loss": losses[-1]})
        self._network.load_state_dict(kept)
        return best_step

    def quality(self) -> float:
        """Mean over the heads of R2 on the validation set."""
        predictions, valid = self.predict(), self._valid
        known = [np.flatnonzero(valid.known[:, head]) for head in range(len(HEADS))]
        fits = [r_squared(valid.values[rows, head], predictions[rows, head]) for head, rows in enumerate(known)]
        return float(np.mean(fits))

    @torch.inference_mode()
    def predict(self) -> np.ndarray:
        """Scores (N, heads) of the validation set."""
        self._network.eval()
        scores = np.zeros((len(self._valid_pairs), len(HEADS)))
        order = np.argsort([len(pair.ids) for pair in self._valid_pairs], kind="stable")
        for rows in np.split(order, range(_SCORING_BATCH, len(order), _SCORING_BATCH)):
            logits = self._network(self._batch(self._valid_pairs, rows), self._valid_numbers[torch.from_numpy(rows)])
            scores[rows] = torch.sigmoid(logits.float()).mean(1).cpu().numpy()
        return scores

    def _update(self, rows: np.ndarray, optimizer: torch.optim.Optimizer) -> float:
        self._network.train()
        index = torch.from_numpy(rows).to(self._device)
        scores = torch.sigmoid(self._network(self._batch(self._pairs, rows), self._numbers[index]).float())
        known = self._known[index][:, None] * self._weights_NM[index][:, :, None]  # (batch, members, heads)
        errors = (scores - self._values[index][:, None]) ** 2 * known * self._scale
        loss = (errors.sum(0) / known.sum(0).clamp(min=1.0)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

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

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._network.state_dict().items()}
