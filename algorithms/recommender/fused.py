"""Scores of the whole catalogue from a conversation: networks over its features, and the evidence of its films.

    s_j = mean over networks of score_j + weight x log(max(0, evidence_j) + floor)

The logarithm counts evidence as the networks count it, in nats; a context without films has the same of it for every
film. Where films that the context names may come again (``NamedAgain``), the score of a new film is
``log softmax(sharpness x s)_j`` over the new ones, and that of a named film the logarithm of its chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.features import ContextFeatures, ContextReader
from algorithms.recommender.network import NetworkWeights
from algorithms.recommender.repeat_chance import NamedAgain
from algorithms.recommender.vocabulary import Vocabulary
from envs.catalog import Catalog
from envs.dialogue import Utterance


@dataclass(frozen=True)
class FilmEvidence:
    """Films from films and words, and how their evidence counts."""

    ridge: DialogueRidge
    weight: float
    floor: float


@dataclass(frozen=True)
class Again:
    """Chances of the films that a context names, and the power of new films' shares beside them."""

    chances: NamedAgain
    sharpness: float


class FusedScorer:
    """Scores films by networks and evidence. Implements ``FilmScorer``."""

    def __init__(
        self,
        catalog: Catalog,
        reader: ContextReader,
        vocabulary: Vocabulary,
        weights: NetworkWeights,
        evidence: FilmEvidence | None,
        again: Again | None = None,
    ) -> None:
        """Score the films of a catalogue.

        Args:
            catalog: the films; columns follow its ids.
            reader: turns conversations into features.
            vocabulary: the columns of ``weights.inputs``.
            weights: the networks, joined into one.
            evidence: films from films; None goes without.
            again: scores the films that a context names; None scores them as new ones.
        """
        self.catalog, self.vocabulary, self.weights, self.evidence = catalog, vocabulary, weights, evidence
        self.reader, self.again = reader, again
        self._columns = {film: column for column, film in enumerate(catalog.ids)}

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """How well each film suits what comes next, (N, films) float32, columns by ascending id."""
        return self.scores_and_hidden(contexts)[0]

    def scores_and_hidden(self, contexts: Sequence[Sequence[Utterance]]) -> tuple[np.ndarray, np.ndarray]:
        """``scores``, and the ``h`` that the networks' last layer was given for them, (N, width) float32."""
        weights = self.weights
        films, width = weights.films.shape
        if not contexts:
            return np.zeros((0, films), dtype=np.float32), np.zeros((0, width), dtype=np.float32)
        readings = self.reader.read(contexts)
        rows = (self.vocabulary.row(reading.features) for reading in readings)
        h_NW = np.stack([values @ weights.inputs[columns] for columns, values in rows])
        scores = h_NW @ weights.films.T + weights.bias
        for row, reading in zip(scores, readings, strict=True):
            named = [self._columns[film] for film in reading.named]
            if self.evidence is not None:
                row += _log_evidence(self.evidence, named, reading)
            if self.again is not None:
                _name_again(row, self.again, named, reading)
        return scores, h_NW


def _log_evidence(evidence: FilmEvidence, named: Sequence[int], reading: ContextFeatures) -> np.ndarray:
    found = np.maximum(0.0, evidence.ridge.of(named, reading.wishes))
    return np.float32(evidence.weight) * np.log(found + np.float32(evidence.floor))


def _name_again(row: np.ndarray, again: Again, named: Sequence[int], reading: ContextFeatures) -> None:
    """Bring new films and named ones of a row of scores, in place, to one scale."""
    row *= again.sharpness
    row[named] = -np.inf
    if len(named) < len(row):
        row -= logsumexp(row)
    if named:
        row[named] = again.chances.log_chances(reading)


def joined(networks: Sequence[NetworkWeights]) -> NetworkWeights:
    """Several networks as one, which scores their mean: vectors side by side."""
    share = 1.0 / len(networks)
    return NetworkWeights(
        inputs=np.concatenate([each.inputs for each in networks], axis=1),
        films=np.concatenate([each.films for each in networks], axis=1) * share,
        bias=np.mean([each.bias for each in networks], axis=0),
    )
