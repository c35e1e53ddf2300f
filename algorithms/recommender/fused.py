"""Scores of the whole catalogue from a conversation: networks over its features, and the evidence of its films.

    score_j = mean over networks of score_j + weight x log(max(0, evidence_j) + floor)

The logarithm counts evidence as the networks count it, in nats; a context without films has the same of it for every
film. Films that the context names keep what the networks say: their evidence comes from each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.network import NetworkWeights
from algorithms.recommender.reading import ContextReader, Features, Reading
from algorithms.recommender.sparse_rows import SparseRow, sparse_row, stacked
from envs.catalog import Catalog
from envs.dialogue import Utterance


class Vocabulary:
    """The features that count, each with its column."""

    def __init__(self, names: Iterable[str]) -> None:
        """Columns in this order."""
        self.columns = {name: column for column, name in enumerate(names)}

    @classmethod
    def of(cls, features: Iterable[Features], rare: int) -> Vocabulary:
        """The features that stand in at least ``rare`` conversations, sorted."""
        counts = Counter(name for each in features for name in each)
        return cls(sorted(name for name, count in counts.items() if count >= rare))

    def row(self, features: Features) -> SparseRow:
        """The features of one conversation; what does not count is passed over."""
        return sparse_row({self.columns[name]: value for name, value in features.items() if name in self.columns})

    def rows(self, features: Sequence[Features]) -> csr_matrix:
        """Values (N, features) float32."""
        return stacked([self.row(each) for each in features], len(self.columns))


@dataclass(frozen=True)
class Evidence:
    """Films from films and words, and how their evidence counts."""

    ridge: DialogueRidge
    weight: float
    floor: float
    named: float
    """Evidence that a film named in the context has."""


class FusedScorer:
    """Scores films by networks and evidence. Implements ``FilmScorer``."""

    def __init__(
        self,
        catalog: Catalog,
        reader: ContextReader,
        vocabulary: Vocabulary,
        weights: NetworkWeights,
        evidence: Evidence | None,
    ) -> None:
        """Score the films of a catalogue.

        Args:
            catalog: the films; columns follow its ids.
            reader: turns conversations into features.
            vocabulary: the columns of ``weights.inputs``.
            weights: the networks, joined into one.
            evidence: films from films; None goes without.
        """
        self.catalog, self.vocabulary, self.weights, self.evidence = catalog, vocabulary, weights, evidence
        self.reader = reader
        self._columns = {film: column for column, film in enumerate(catalog.ids)}

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """How well each film suits what comes next, (N, films) float32, columns by ascending id."""
        if not contexts:
            return np.zeros((0, len(self._columns)), dtype=np.float32)
        readings = self.reader.read(contexts)
        scores = self._network(readings)
        if self.evidence is not None:
            for row, reading in zip(scores, readings, strict=True):
                row += self._evidence(reading, self.evidence)
        return scores

    def _network(self, readings: Sequence[Reading]) -> np.ndarray:
        weights = self.weights
        rows = (self.vocabulary.row(reading.features) for reading in readings)
        h_NW = np.stack([values @ weights.inputs[columns] for columns, values in rows])
        scores = h_NW @ weights.films.T + weights.bias
        for h_W, row, reading in zip(h_NW, scores, readings, strict=True):
            if reading.named:
                columns, ways = [self._columns[film] for film in reading.named], list(reading.named.values())
                row[columns] += weights.named[ways, :-1] @ h_W + weights.named[ways, -1]
        return scores

    def _evidence(self, reading: Reading, evidence: Evidence) -> np.ndarray:
        named = [self._columns[film] for film in reading.named]
        found = np.maximum(0.0, evidence.ridge.of(named, reading.wishes))
        found[named] = evidence.named
        return np.float32(evidence.weight) * np.log(found + np.float32(evidence.floor))


def joined(networks: Sequence[NetworkWeights]) -> NetworkWeights:
    """Several networks as one, which scores their mean: vectors side by side."""
    share = 1.0 / len(networks)
    return NetworkWeights(
        inputs=np.concatenate([each.inputs for each in networks], axis=1),
        films=np.concatenate([each.films for each in networks], axis=1) * share,
        bias=np.mean([each.bias for each in networks], axis=0),
        named=np.concatenate(
            [
                *(each.named[:, :-1] * share for each in networks),
                np.mean([each.named[:, -1:] for each in networks], axis=0),
            ],
            axis=1,
        ),
    )
