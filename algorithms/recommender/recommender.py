"""The film recommender: emotional semantic fusion (stage 1) and emotion-aware item recommendation (stage 2) of ECR.

Each stage is a ``FusedScorer``; both share one reader and one vocabulary. Stage 1 learns to recover masked films from
the rest of their dialogue. Stage 2 starts from its weights and learns which films come next. A separate model says how
likely a seeker is to like a film.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix

from algorithms.finite import require_finite_weights
from algorithms.readers.emotion_readers import load_reader, save_reader
from algorithms.recommender.dialogue_ridge import DialogueRidge, WordRows
from algorithms.recommender.features import ContextReader
from algorithms.recommender.fused import Again, FilmEvidence, FusedScorer
from algorithms.recommender.network import NetworkWeights
from algorithms.recommender.repeat_chance import RepeatChance
from algorithms.recommender.scorer import ranked
from algorithms.recommender.vocabulary import Vocabulary
from algorithms.settings.recommender import RecommenderSettings
from algorithms.weight_hashes import read_card, write_card
from envs.catalog import Catalog, Film
from envs.dialogue import Utterance, named_films
from envs.errors import ModelError
from envs.files import write_bytes

WEIGHTS, CARD = "recommender.safetensors", "recommender.json"
"""The files of a recommender's folder; a fitted emotion reader is saved in a sub-folder."""
LEARNT_FROM = "learnt_from"
"""The card's list of the dialogues that the recommender has seen, as ``Dialogue.text_hash``."""
_HALF = np.float16
"""Vectors are saved in half precision and loaded as float32."""


class Recommender:
    """Scores and proposes films. Implements ``FilmScorer``, ``LikingScorer`` and ``FilmRecommender``."""

    def __init__(
        self,
        settings: RecommenderSettings,
        fusion: FusedScorer,
        items: FusedScorer,
        liking: np.ndarray,
        learnt_from: frozenset[str],
    ) -> None:
        """Combine the stages; ``of_parts`` makes them.

        Args:
            settings: the settings of its training.
            fusion: stage 1, which recovers masked films.
            items: stage 2, which scores what comes next.
            liking: (films,) log-odds that a seeker likes each film.
            learnt_from: ``Dialogue.text_hash`` of each dialogue that it has seen.
        """
        self.settings, self.fusion, self.items = settings, fusion, items
        self.learnt_from = learnt_from
        self._liking = liking.astype(np.float32)
        self._ids = np.array(items.catalog.ids, dtype=np.int64)

    @classmethod
    def of_parts(
        cls,
        settings: RecommenderSettings,
        catalog: Catalog,
        reader: ContextReader,
        vocabulary: Vocabulary,
        weights: tuple[NetworkWeights, NetworkWeights],
        ridge: DialogueRidge | None,
        chances: RepeatChance | None,
        liking: np.ndarray,
        learnt_from: frozenset[str],
    ) -> Recommender:
        """Build both stages from trained parts: networks, ridge, and probabilities of named films.

        Args:
            settings: the settings of its training; they weigh the parts.
            catalog: the films.
            reader: turns conversations into features.
            vocabulary: the features that count.
            weights: of stage 1 and of stage 2.
            ridge: predicts films from films and words; each stage has its own weight for it. None leaves it out.
            chances: probabilities that named films come again, for stage 2; None scores them like new films.
            liking: (films,) log-odds that a seeker likes each film.
            learnt_from: ``Dialogue.text_hash`` of each dialogue that it has seen.
        """
        again = None if chances is None else Again(chances, settings.sharpness)
        fusion, items = (
            FusedScorer(
                catalog,
                reader,
                vocabulary,
                network,
                None if ridge is None else FilmEvidence(ridge, weight, settings.ridge_floor),
                named,
            )
            for network, weight, named in zip(
                weights, (settings.fusion_ridge_weight, settings.ridge_weight), (None, again), strict=True
            )
        )
        return cls(settings, fusion, items, liking, learnt_from)

    @property
    def catalog(self) -> Catalog:
        """The films that are scored."""
        return self.items.catalog

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """How well each film suits what comes next, (N, films) float32, columns by ascending id."""
        return self.items.scores(contexts)

    def liking(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """Log-odds that the seeker likes each film, (N, films) float32; the same for every context."""
        return np.tile(self._liking, (len(contexts), 1))

    def propose(self, contexts: Sequence[Sequence[Utterance]], count: int) -> list[list[int]]:
        """The best ``count`` films for each context, best first, without the films that it names as ``@id``."""
        if not contexts:
            return []
        return ranked(self.scores(contexts), self._ids, count, [named_films(context) for context in contexts])

    def save(self, folder: Path) -> None:
        """Write arrays as safetensors, films, words and features as JSON, and the reader of emotions.

        Raises:
            ModelError: a weight is not finite; nothing is written.
        """
        arrays = {"liking": self._liking, **_arrays(self.fusion, "fusion"), **_arrays(self.items, "items")}
        card: dict[str, Any] = {
            "settings": self.settings.model_dump(mode="json"),
            "films": [
                [film.film_id, film.title, film.year, film.mentions, film.genres, film.people] for film in self.catalog
            ],
            "features": list(self.items.vocabulary.columns),
            LEARNT_FROM: sorted(self.learnt_from),
        }
        if self.items.evidence is not None:
            ridge = self.items.evidence.ridge
            arrays |= {"ridge.values": ridge.evidence.data.astype(_HALF), "ridge.rarity": ridge.words.rarity}
            arrays |= {"ridge.columns": ridge.evidence.indices, "ridge.starts": ridge.evidence.indptr}
            card["words"] = list(ridge.words.words)
        if self.items.again is not None:
            chances = self.items.again.chances
            arrays |= {"again.places": chances.positions, "again.ways": chances.ways}
            card["again"] = list(chances.vocabulary.columns)
        require_finite_weights(((name, torch.from_numpy(array)) for name, array in arrays.items()), str(folder))
        write_bytes(folder / WEIGHTS, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))
        write_card(folder / CARD, card | {"emotions": save_reader(self.items.reader.emotions, folder)}, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> Recommender:
        """Load the recommender of a folder.

        Raises:
            ModelError: the folder holds no recommender.
        """
        try:
            card = read_card(folder / CARD)
            tensors = load_file(folder / WEIGHTS)
            settings = RecommenderSettings(**card["settings"])
            catalog = Catalog(
                Film(number, title, year, tuple(genres), tuple(people), mentions=mentions)
                for number, title, year, mentions, genres, people in card["films"]
            )
            reader = ContextReader(catalog, load_reader(folder, card["emotions"]))
            vocabulary = Vocabulary(card["features"])
            ridge = _ridge(tensors, card, settings) if "words" in card else None
            chances = _chances(tensors, card) if "again" in card else None
            weights = _weights(tensors, "fusion"), _weights(tensors, "items")
            seen = frozenset(card[LEARNT_FROM])
            return cls.of_parts(settings, catalog, reader, vocabulary, weights, ridge, chances, tensors["liking"], seen)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no recommender: {error}. Train it again") from error


def _ridge(tensors: Mapping[str, np.ndarray], card: Mapping[str, Any], settings: RecommenderSettings) -> DialogueRidge:
    words, films = card["words"], len(card["films"])
    parts = (tensors["ridge.values"].astype(np.float32), tensors["ridge.columns"], tensors["ridge.starts"])
    evidence = csr_matrix(parts, shape=(films + len(words), films))
    return DialogueRidge(evidence, WordRows(words, tensors["ridge.rarity"], settings.ridge_words))


def _chances(tensors: Mapping[str, np.ndarray], card: Mapping[str, Any]) -> RepeatChance:
    return RepeatChance(Vocabulary(card["again"]), tensors["again.places"], tensors["again.ways"])


def _arrays(scorer: FusedScorer, stage: str) -> dict[str, np.ndarray]:
    return {f"{stage}.{name}": array.astype(_HALF) for name, array in vars(scorer.weights).items()}


def _weights(tensors: Mapping[str, np.ndarray], stage: str) -> NetworkWeights:
    names = ("inputs", "films", "bias")
    return NetworkWeights(**{name: tensors[f"{stage}.{name}"].astype(np.float32) for name in names})
