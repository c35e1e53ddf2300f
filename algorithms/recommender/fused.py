"""Score the whole catalogue for a conversation, by networks over its features and by evidence from its films.

    s_j = mean over networks of score_j + weight x log(max(0, evidence_j) + floor)

The logarithm brings evidence to the networks' unit, nats; a context without films gives every film the same evidence.
If named films may come again (``RepeatChance``), the score of a new film is ``log softmax(sharpness x s)_j`` over the
new films, and the score of a named film is the logarithm of its probability to come again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.features import ContextFeatures, ContextReader
from algorithms.recommender.network import NetworkWeights
from algorithms.recommender.repeat_chance import RepeatChance
from algorithms.recommender.vocabulary import Vocabulary
from envs.catalog import Catalog
from envs.dialogue import Utterance


@dataclass(frozen=True)
class FilmEvidence:
    """The ``DialogueRidge`` that gives evidence, with the weight and floor of its logarithm."""

    ridge: DialogueRidge
    weight: float
    floor: float


@dataclass(frozen=True)
class Again:
    """The model of named films that come again, and the power (``sharpness``) of the new films' shares."""

    chances: RepeatChance
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
            evidence: evidence from a context's films and words; None leaves it out.
            again: scores the films that a context names; None scores them like new films.
        """
        self.catalog, self.vocabulary, self.weights, self.evidence = catalog, vocabulary, weights, evidence
        self.reader, self.again = reader, again
        self._columns = {film: column for column, film in enumerate(catalog.ids)}

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """How well each film suits what comes next, (N, films) float32, columns by ascending id."""
        return self.scores_and_hidden(contexts)[0]

    def scores_and_hidden(self, contexts: Sequence[Sequence[Utterance]]) -> tuple[np.ndarray, np.ndarray]:
        """``scores``, and the input ``h`` of the networks' last layer for each context, (N, width) float32."""
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
    raw = np.maximum(0.0, evidence.ridge.of(named, reading.wishes))
    return np.float32(evidence.weight) * np.log(raw + np.float32(evidence.floor))


def _name_again(row: np.ndarray, again: Again, named: Sequence[int], reading: ContextFeatures) -> None:
    """Bring the scores of new and named films of one row to the same scale, in place."""
    row *= again.sharpness
    row[named] = -np.inf
    if len(named) < len(row):
        row -= logsumexp(row)
    if named:
        row[named] = again.chances.log_chances(reading)


def joined(networks: Sequence[NetworkWeights]) -> NetworkWeights:
    """Join networks into one that scores their mean, by concatenating their vectors."""
    share = 1.0 / len(networks)
    return NetworkWeights(
        inputs=np.concatenate([each.inputs for each in networks], axis=1),
        films=np.concatenate([each.films for each in networks], axis=1) * share,
        bias=np.mean([each.bias for each in networks], axis=0),
    )
