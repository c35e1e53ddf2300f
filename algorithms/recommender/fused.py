"""Scores of the whole catalogue from a conversation: networks over its features, and the evidence of its films.

    s_j = mean over networks of score_j + weight x log(max(0, evidence_j) + floor)

The logarithm counts evidence as the networks count it, in nats; a context without films has the same of it for every
film. Where films that the context names may come again (``NamedAgain``), the score of a new film is
``log softmax(sharpness x s)_j`` over the new ones, and that of a named film the logarithm of its chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import logsumexp

from algorithms.recommender.dialogue_ridge import DialogueRidge
from algorithms.recommender.named_again import NamedAgain
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
        evidence: Evidence | None,
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
        if not contexts:
            return np.zeros((0, len(self._columns)), dtype=np.float32)
        readings = self.reader.read(contexts)
        scores = self._network(readings)
        if self.evidence is not None:
            for row, reading in zip(scores, readings, strict=True):
                row += self._evidence(reading, self.evidence)
        if self.again is not None:
            for row, reading in zip(scores, readings, strict=True):
                self._name_again(row, reading, self.again)
        return scores

    def _network(self, readings: Sequence[Reading]) -> np.ndarray:
        weights = self.weights
        rows = (self.vocabulary.row(reading.features) for reading in readings)
        h_NW = np.stack([values @ weights.inputs[columns] for columns, values in rows])
        return h_NW @ weights.films.T + weights.bias

    def _evidence(self, reading: Reading, evidence: Evidence) -> np.ndarray:
        named = [self._columns[film] for film in reading.named]
        found = np.maximum(0.0, evidence.ridge.of(named, reading.wishes))
        return np.float32(evidence.weight) * np.log(found + np.float32(evidence.floor))

    def _name_again(self, row: np.ndarray, reading: Reading, again: Again) -> None:
        """Bring new films and named ones of a row of scores, in place, to one scale."""
        named = [self._columns[film] for film in reading.named]
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
