"""What people's ratings say of replies: how ``overall`` and ``empathy`` follow from a reply, in one folder.

``overall`` is a sum of measured parts (``overall_fit``). Where ratings of empathy are at hand, ``empathy`` is half what
judges measure and half the probability that people see an emotional reaction in the reply (EPITOME's ``reactions``:
Sharma et al., EMNLP 2020), from a text classifier. Labels and critic use the same model, so that a critic need not
learn again what can be measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from algorithms.people.measured_parts import PARTS, PartReader
from algorithms.people.overall_fit import OverallFit
from algorithms.readers.emotion_readers import load_reader, save_reader
from algorithms.readers.emotions import EmotionReader, LexiconEmotions
from algorithms.readers.film_table import FilmTable
from algorithms.readers.text_classifier import TextClassifier
from algorithms.weight_hashes import read_card, write_card
from envs.errors import ModelError
from envs.film_text.fluency import fluency
from envs.heads import Exchange

CARD, REACTIONS = "people.json", "reactions"
"""Files of a model's folder: its card, and the folder of the classifier of emotional reactions."""
SHIPPED = "overall.json"
"""The weights that come with the project, learnt from AB-ReDial alone, in the folder ``shipped``."""
EMPATHY, OVERALL = "empathy", "overall"
"""The heads that people's ratings give."""
_MEASURED_SHARE = 0.5
"""Share of what is measured of a reply in ``empathy``; the rest is the probability of an emotional reaction."""
Score = TypeVar("Score", float, np.ndarray)


def with_reactions(measured: Score, seen: Score | None) -> Score:
    """``empathy`` in [0, 1] from what the rubric or a critic measures and what people are expected to see.

    Of one reply two numbers, of N replies two arrays (N,).
    """
    return measured if seen is None else _MEASURED_SHARE * measured + (1 - _MEASURED_SHARE) * seen


@dataclass(frozen=True)
class PeopleModel:
    """How people's ratings follow from a reply.

    Attributes:
        overall: the weights of the parts.
        emotions: reads the feelings of reply and seeker.
        reactions: gives the probability that people see an emotional reaction in a text; None without such ratings.
        learnt_from: ``{"seed", "part", "sets": {name: n}}`` of the ratings, for cards.
    """

    overall: OverallFit
    emotions: EmotionReader
    reactions: TextClassifier | None = None
    learnt_from: Mapping[str, Any] = field(default_factory=dict)

    def overall_of(
        self,
        exchanges: Sequence[Exchange],
        films: FilmTable,
        cut: Sequence[bool] | None = None,
        counted: np.ndarray | None = None,
    ) -> np.ndarray:
        """The expected overall rating in [0, 1], (N,), of N replies, times their fluency.

        Args:
            exchanges: what is judged.
            films: the films that texts name.
            cut: for each reply whether it is known to be cut; by default none is.
            counted: the exchanges' counted features, where they are known.
        """
        known = [False] * len(exchanges) if cut is None else cut
        whole = [fluency(exchange.reply, is_cut) for exchange, is_cut in zip(exchanges, known, strict=True)]
        return self.overall.of(PartReader(films, self.emotions).measure(exchanges, counted)) * np.array(whole)

    def seen(self, replies: Sequence[str], films: FilmTable) -> np.ndarray | None:
        """The probability, (N,), that people see an emotional reaction in N replies; None without such ratings."""
        if self.reactions is None:
            return None
        return self.reactions.probabilities([films.without_titles(reply) for reply in replies])[:, 0]

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that it gives."""
        return (OVERALL,) if self.reactions is None else (EMPATHY, OVERALL)

    @property
    def facts(self) -> dict[str, Any]:
        """Weights with their intervals, and what they were learnt from, as JSON values for a card."""
        intervals = self.overall.facts["intervals"]
        weights = {
            name: {"weight": float(self.overall.weights[column]), "interval": intervals[name]}
            for column, name in enumerate(PARTS)
        }
        sets = dict(self.overall.facts["sets"])
        told = "half the rubric, half the probability of an emotional reaction" if self.reactions else "the rubric"
        return {"overall": {"weights": weights, "sets": sets, "pull": self.overall.facts["pull"]}, "empathy": told}

    def save(self, folder: Path) -> None:
        """Write the model: safetensors and JSON."""
        reader = save_reader(self.emotions, folder)
        if self.reactions is not None:
            self.reactions.save(folder / REACTIONS)
        card = {"emotions": reader, "reactions": self.reactions is not None, "learnt_from": dict(self.learnt_from)}
        write_card(folder / CARD, {**card, "overall": self.overall.to_json()})

    @classmethod
    def load(cls, folder: Path) -> PeopleModel:
        """The model of a folder.

        Raises:
            ModelError: the folder holds none.
        """
        try:
            card = read_card(folder / CARD)
            overall, learnt_from = OverallFit.from_json(card["overall"]), dict(card["learnt_from"])
            reader, has_reactions = card["emotions"], card["reactions"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder} holds no model of people's ratings: {error}. Fit it again") from error
        reactions = TextClassifier.load(folder / REACTIONS) if has_reactions else None
        return cls(overall, load_reader(folder, reader), reactions, learnt_from)

    @classmethod
    def shipped(cls, emotions: EmotionReader | None = None) -> PeopleModel:
        """The model that comes with the project: weights learnt from AB-ReDial alone, no ratings of empathy.

        Args:
            emotions: reads feelings, by default by phrases; each kind of reader has weights of its own.
        """
        reader = emotions or LexiconEmotions()
        fits = json.loads((files("algorithms.people") / "shipped" / SHIPPED).read_text(encoding="utf-8"))
        overall = OverallFit.from_json(fits[reader.name])
        return cls(overall, reader, learnt_from={name: overall.facts[name] for name in ("seed", "part", "sets")})
