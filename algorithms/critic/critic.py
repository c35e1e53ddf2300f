"""The critic: an encoder reads context and reply as a pair, an ensemble judges the reply on each head in [0, 1].

A network is an encoder with several members on it that share its forward pass. Hidden states are averaged over the
reply and over the context; both averages, their product (does the reply suit the context?), the state at the reply's
end and what can be counted in the exchange (``surface``) go through one hidden layer to a sigmoid for each member and
head. One member is of another family: ridge regression on what the frozen layers say and on the counts. A critic holds
one network or several with encoders of their own; ``Blend`` makes one score and one spread of all members (ensembles:
Lakshminarayanan et al., arXiv 1612.01474). A further member is learnt from people's ratings (``algorithms.people``): it
gives ``overall``, and half of ``empathy``. A critic is a folder of safetensors and JSON; nothing in it is pickled.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from transformers import PreTrainedModel

from algorithms.critic.blend import Blend
from algorithms.critic.encoder import Encoder, restore_encoder, save_encoder
from algorithms.critic.pair_text import PairBatch, PairText
from algorithms.critic.ridge import Ridge, quadratic, quadratic_width
from algorithms.finite import require_finite_weights
from algorithms.people.model import EMPATHY, OVERALL, PeopleModel, with_reactions
from algorithms.readers.counted_features import NAMES, surface
from algorithms.readers.film_table import FilmTable
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes, write_json
from envs.heads import Exchange, HeadScores
from envs.inputs.text import quoted

WEIGHTS, CARD, FILMS = "weights.safetensors", "critic.json", "films.json"
"""Files of a critic's folder: a network's weights, the card with settings and figures, the films that it knows."""
ENCODER = "encoder"
"""Folder of the encoder's config and tokenizer, inside a network's folder."""

PEOPLE = "people"
"""Folder of the model of people's ratings, inside a critic's folder."""
SCORING_BATCH = 64
"""Pairs of a forward pass in ``Critic.score``."""


class CriticNetwork(nn.Module):
    """The encoder and the members on it."""

    def __init__(
        self, encoder: PreTrainedModel, width: int, outputs: int, members: int = 1, frozen_layers: int = 0
    ) -> None:
        """Put new members on an encoder of hidden size ``width``, so many that start differently, and a ridge.

        Args:
            encoder: gives hidden states.
            width: their size.
            outputs: heads that each member scores.
            members: regressions of all heads that are trained with the encoder.
            frozen_layers: lowest layers of the encoder that training leaves as they are.
        """
        super().__init__()
        if getattr(encoder, "pooler", None) is not None:
            # The critic uses averages of hidden states in place of BERT's pooled output.
            encoder.pooler = None  # pyright: ignore[reportArgumentType]
        self.encoder, self.outputs, self.members, self.frozen_layers = encoder, outputs, members, frozen_layers
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(4 * width + len(NAMES), width), nn.GELU(), nn.Linear(width, outputs))
            for _ in range(members)
        )
        self.ridge = Ridge(quadratic_width(len(NAMES)) + (3 * width if frozen_layers else 0), outputs)
        self._segmented = getattr(encoder.config, "type_vocab_size", 0) >= 2

    @torch.no_grad()
    def start_at(self, scores: torch.Tensor) -> None:
        """Set the heads' biases so that an untrained network gives about ``scores`` (heads,)."""
        for member in self.heads:
            member[-1].bias.copy_(torch.logit(scores, eps=1e-3))  # pyright: ignore[reportIndexIssue]

    def forward(self, batch: PairBatch, numbers: torch.Tensor) -> torch.Tensor:
        """Logits of the trained members, (batch, members, heads); ``sigmoid`` gives the scores.

        Args:
            batch: the pairs.
            numbers: their counted features (``surface``), (batch, numbers).
        """
        return self._logits(batch, self._hidden(batch)[-1], numbers)

    def scores(self, batch: PairBatch, numbers: torch.Tensor) -> torch.Tensor:
        """Scores of all members, the ridge last, (batch, members + 1, heads)."""
        hidden = self._hidden(batch)
        trained = torch.sigmoid(self._logits(batch, hidden[-1], numbers).float())
        ridge = self.ridge(self._ridge_features(batch, hidden[self.frozen_layers], numbers))
        return torch.cat([trained, ridge[:, None]], dim=1)

    @torch.no_grad()
    def ridge_features(self, batch: PairBatch, numbers: torch.Tensor) -> torch.Tensor:
        """The ridge's features, (batch, features); training does not change them."""
        return self._ridge_features(batch, self._hidden(batch)[self.frozen_layers], numbers)

    def _hidden(self, batch: PairBatch) -> tuple[torch.Tensor, ...]:
        extra = {"token_type_ids": batch.segments} if self._segmented else {}
        return self.encoder(
            input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True, **extra
        ).hidden_states

    def _logits(self, batch: PairBatch, hidden: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        reply, context = _averages(batch, hidden)
        rows = torch.arange(len(hidden), device=hidden.device)
        end = hidden[rows, batch.mask.sum(1) - 1]
        features = torch.cat([reply, context, reply * context, end, numbers.to(hidden.dtype)], dim=-1)
        return torch.stack([member(features) for member in self.heads], dim=1)

    def _ridge_features(self, batch: PairBatch, frozen: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        counted = quadratic(numbers)
        if not self.frozen_layers:
            return counted
        reply, context = _averages(batch, frozen.float())
        return torch.cat([reply, context, reply * context, counted], dim=-1)


def _averages(batch: PairBatch, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states (batch, tokens, width) averaged over the reply and over the context."""
    reply = batch.mask * batch.segments
    return _mean(hidden, reply), _mean(hidden, batch.mask - reply)


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average of ``hidden`` (batch, tokens, width) over the tokens where ``mask`` (batch, tokens) is 1."""
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)


@dataclass(frozen=True)
class Trunk:
    """A network, and how exchanges become its encoder's tokens."""

    network: CriticNetwork
    text: PairText


@dataclass(frozen=True)
class PeopleMember:
    """The member that people's ratings give, and the spread of its heads by name."""

    model: PeopleModel
    spread: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, spread: Mapping[str, float]) -> PeopleMember:
        """The member in a critic's folder.

        Raises:
            ModelError: the folder holds none.
            ValueError: a spread is no number, or of a head that people's ratings do not give.
        """
        model, known = PeopleModel.load(folder / PEOPLE), {head: float(value) for head, value in dict(spread).items()}
        if known.keys() - set(model.heads) or not all(0 <= value < math.inf for value in known.values()):
            raise ValueError(
                f"the people's spread is {quoted(known)}, and must be a number for {' and '.join(model.heads)}"
            )
        return cls(model, known)


@dataclass(frozen=True)
class Prepared:
    """N exchanges, ready for the networks: their counted features, and each trunk's batches with their rows."""

    numbers: torch.Tensor
    batches: tuple[tuple[tuple[torch.Tensor, PairBatch], ...], ...]


class Critic:
    """A trained critic: scores exchanges, never learns. Implements ``envs.heads.RewardModel``."""

    def __init__(
        self,
        trunks: Sequence[Trunk],
        films: FilmTable,
        blend: Blend,
        heads: Sequence[str],
        lower: Collection[str] = (),
        device: torch.device | str = "cpu",
        without_labels: Sequence[str] = (),
        people: PeopleMember | None = None,
    ) -> None:
        """Freeze the networks, put them on ``device`` and in evaluation mode.

        Args:
            trunks: at least one.
            films: the films that the critic knows.
            blend: weighs the members.
            heads: names of the networks' outputs, in their order.
            lower: those of them of which less is better.
            device: where the networks run.
            without_labels: heads that were to be learnt and had no label; no network has an output for them.
            people: gives ``overall``, and half of ``empathy``, in the networks' place; None leaves both to them.
        """
        self._people = people
        self.heads, self._lower, self.without_labels = tuple(heads), frozenset(lower), tuple(without_labels)
        self._trunks, self._films, self._blend, self._device = tuple(trunks), films, blend, torch.device(device)
        for trunk in self._trunks:
            trunk.network.to(device).eval().requires_grad_(False)

    @classmethod
    def load(cls, folder: Path, device: str = "cpu", paid: Collection[str] = ()) -> Critic:
        """Load the critic of a folder; this needs neither the hub nor a model package.

        Args:
            folder: the critic's.
            device: where the networks run.
            paid: heads that a reward pays for, so that the critic must score them.

        Raises:
            ModelError: the folder holds no critic, its weights do not fit its config, or it lacks a head that is paid
                for.
        """
        try:
            card = read_card(folder / CARD)
            films = FilmTable.from_json(json.loads((folder / FILMS).read_text(encoding="utf-8")))
            heads, lower, without = card["heads"], card["lower_is_better"], card.get("without_labels", ())
            trunks = [load_trunk(folder / trunk["folder"], trunk) for trunk in card["trunks"]]
            blend = Blend.from_json(card["blend"])
            people = None if card.get("people_spread") is None else PeopleMember.load(folder, card["people_spread"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError, RuntimeError) as error:
            raise ModelError(f"{folder} holds no critic that can be loaded: {error}. Train the critic again") from error
        unknown = [head for head in paid if head not in heads]
        if unknown:
            raise ModelError(
                f"reward.weights pays for {', '.join(unknown)}, and the critic in {folder} scores {', '.join(heads)} "
                "alone. Label what it lacks and train it again, or set the weights to 0"
            )
        return cls(trunks, films, blend, heads, lower, device, without, people)

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Score N exchanges; row i belongs to exchange i. The spread is a standard deviation, see ``Blend``."""
        prepared = self.prepare(exchanges)
        mean, spread = self.with_people(exchanges, prepared, *self._blend.of(self.forward(prepared)))
        return HeadScores(mean, spread, self.heads, self._lower, self.without_labels)

    def with_people(
        self, exchanges: Sequence[Exchange], prepared: Prepared, mean: np.ndarray, spread: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The networks' scores and spreads (N, heads) with those heads that people's ratings give put in their place.

        ``overall`` is exact but for what only the judge knows, and ``empathy`` half so: their spread is one number, the
        error on held-out labels.
        """
        if self._people is None:
            return mean, spread
        mean, spread, model = mean.copy(), spread.copy(), self._people.model
        columns = {head: self.heads.index(head) for head in (EMPATHY, OVERALL) if head in self.heads}
        if EMPATHY in columns and (seen := model.seen([each.reply for each in exchanges], self._films)) is not None:
            mean[:, columns[EMPATHY]] = with_reactions(mean[:, columns[EMPATHY]], seen)
        if OVERALL in columns:
            counted = prepared.numbers.cpu().numpy()
            mean[:, columns[OVERALL]] = model.overall_of(exchanges, self._films, counted=counted)
        for head, known in self._people.spread.items():
            spread[:, columns[head]] = known
        return mean, spread

    def prepare(self, exchanges: Sequence[Exchange]) -> Prepared:
        """Count and tokenise N exchanges; a batch holds pairs of similar length, so that little of it is padding."""
        numbers = torch.from_numpy(surface(exchanges, self._films)).to(self._device)
        return Prepared(numbers, tuple(tuple(self._batches(trunk.text, exchanges)) for trunk in self._trunks))

    @torch.inference_mode()
    def forward(self, prepared: Prepared) -> list[np.ndarray]:
        """Scores of each network's members, (N, members + 1, heads); this only runs the forward passes."""
        all_scores = []
        for trunk, batches in zip(self._trunks, prepared.batches, strict=True):
            scores = torch.zeros(len(prepared.numbers), trunk.network.members + 1, trunk.network.outputs)
            for rows, batch in batches:
                scores[rows] = trunk.network.scores(batch, prepared.numbers[rows]).float().cpu()
            all_scores.append(scores.numpy())
        return all_scores

    def cut(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """(N,) bool: whether the reply is longer than the critic reads; its end is then not judged."""
        pairs = [trunk.text.encode(exchanges) for trunk in self._trunks]
        cut = np.array([[pair.cut for pair in read] for read in pairs], dtype=bool)
        return np.asarray(cut.reshape(len(pairs), -1).any(0))

    def weights_hash(self) -> str:
        """sha256 (hex) of all weights with their names and shapes; equal critics have equal hashes."""
        return hash_weights(_all_weights(trunk.network for trunk in self._trunks))

    def parameters(self) -> list[nn.Parameter]:
        """All parameters; none of them takes a gradient."""
        return [parameter for trunk in self._trunks for parameter in trunk.network.parameters()]

    def _batches(self, text: PairText, exchanges: Sequence[Exchange]) -> Iterator[tuple[torch.Tensor, PairBatch]]:
        pairs = text.encode(exchanges)
        order = sorted(range(len(pairs)), key=lambda row: len(pairs[row].ids))
        for first in range(0, len(order), SCORING_BATCH):
            rows = order[first : first + SCORING_BATCH]
            yield torch.tensor(rows), text.collate([pairs[row] for row in rows]).to(self._device)


def hash_weights(weights: Mapping[str, torch.Tensor]) -> str:
    """sha256 (hex) of named tensors, whatever device they are on."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_critic(
    trunks: Sequence[tuple[CriticNetwork, Encoder]],
    films: FilmTable,
    blend: Blend,
    heads: Sequence[str],
    card: Mapping[str, Any],
    folder: Path,
    lower: Collection[str] = (),
    without_labels: Sequence[str] = (),
    people: PeopleMember | None = None,
) -> None:
    """Write a critic's folder; each file is written atomically, the card last.

    Args:
        trunks: each trained network with its encoder, for the encoder's config and tokenizer.
        films: those that the critic knows.
        blend: weighs the members.
        heads: names of the networks' outputs, in their order.
        card: settings and held-out figures, for ``critic.json``.
        folder: made where it is missing.
        lower: the heads of which less is better.
        without_labels: further heads that were to be learnt and had no label.
        people: the member that people's ratings give; None if there is none.
    """
    if people is not None:
        people.model.save(folder / PEOPLE)
    listed = []
    for index, (network, encoder) in enumerate(trunks):
        name = f"trunk-{index}"
        listed.append({"folder": name, **save_trunk(network, encoder, folder / name)})
    write_json(folder / FILMS, films.to_json())
    facts = {
        "heads": list(heads),
        "lower_is_better": sorted(lower),
        "without_labels": list(without_labels),
        "trunks": listed,
        "blend": blend.to_json(),
        "people_spread": None if people is None else dict(people.spread),
        "weights_sha256": hash_weights(_all_weights(network for network, _ in trunks)),
    }
    write_card(folder / CARD, {**card, **facts}, *(f"{trunk['folder']}/{WEIGHTS}" for trunk in listed))


def save_trunk(network: CriticNetwork, encoder: Encoder, folder: Path) -> dict[str, int]:
    """Write a network with its encoder's config and tokenizer; return the facts that ``load_trunk`` needs."""
    save_encoder(encoder, folder / ENCODER)
    write_weights(network, folder / WEIGHTS)
    return {"outputs": network.outputs, "members": network.members, "frozen_layers": network.frozen_layers}


def write_weights(network: nn.Module, file: Path) -> None:
    """Write a network's weights as safetensors, atomically.

    Raises:
        ModelError: a weight is not finite; nothing is written.
    """
    require_finite_weights(network.named_parameters(), str(file))
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    write_bytes(file, save(weights))


def load_trunk(folder: Path, facts: Mapping[str, Any]) -> Trunk:
    """Load a network that ``save_trunk`` wrote; ``facts`` is what ``save_trunk`` returned."""
    encoder = restore_encoder(folder / ENCODER)
    outputs, members, frozen_layers = (int(facts[name]) for name in ("outputs", "members", "frozen_layers"))
    network = CriticNetwork(encoder.model, encoder.width, outputs, members, frozen_layers)
    network.load_state_dict(load_file(folder / WEIGHTS))
    return Trunk(network, encoder.text)


def _all_weights(networks: Iterable[CriticNetwork]) -> dict[str, torch.Tensor]:
    parts = [network.state_dict() for network in networks]
    return {f"{index}.{name}": tensor for index, part in enumerate(parts) for name, tensor in part.items()}
