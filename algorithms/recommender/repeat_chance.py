"""The probability that the recommender's next message names a film that the conversation has already named.

    P(film again) = sigmoid(x . (w_0 + w_p) + v_n)

with ``x`` the features of the last turn (``ContextFeatures.last``), ``p`` where the film was named last and ``n`` the
way it was named (``ContextFeatures.named``). It is a logistic regression with an L2 penalty on all weights. It learns,
for example, that a recommender speaks of a film again after "is it scary?", but not after "seen it".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit, log_expit

from algorithms.recommender.features import NAMED_AS, PLACES, ContextFeatures
from algorithms.recommender.vocabulary import Vocabulary

_RARE = 10
"""A feature counts if it occurs with at least this many named films."""
_STEPS = 60


class RepeatChance:
    """The probability that each named film comes again."""

    def __init__(self, vocabulary: Vocabulary, positions: np.ndarray, ways: np.ndarray) -> None:
        """Keep the weights.

        Args:
            vocabulary: K features of the last turn.
            positions: (PLACES, K) float32, ``w_0 + w_p``.
            ways: (NAMED_AS,) float32, ``v``.
        """
        self.vocabulary, self.positions, self.ways = vocabulary, positions, ways

    @classmethod
    def fit(cls, readings: Sequence[ContextFeatures], came: Sequence[Collection[int]], pull: float) -> RepeatChance:
        """Learn from N conversations.

        Args:
            readings: the conversations' features.
            came: for each conversation, the films of the recommender's next message.
            pull: factor of half the squared weights, which are added to the summed loss.
        """
        vocabulary = Vocabulary.of((each.last for each in readings for _ in each.named), _RARE)
        features = len(vocabulary.columns)
        named = [(row, film, way) for row, each in enumerate(readings) for film, way in each.named.items()]
        rows, _, ways = np.array(named, dtype=np.int64).reshape(-1, 3).T
        truth = np.array([film in came[row] for row, film, _ in named], dtype=np.float64)
        said = vocabulary.rows([each.last for each in readings])[rows]
        at = np.eye(PLACES, dtype=np.float32)[ways % PLACES]
        blocks = [said, *(said.multiply(at[:, [position]]) for position in range(PLACES))]
        x = csr_matrix(hstack([*blocks, np.eye(NAMED_AS, dtype=np.float32)[ways]]))
        weights = _logistic(x, truth, pull)
        shared, by_position, v = np.split(weights, [features, (1 + PLACES) * features])
        return cls(vocabulary, (shared + by_position.reshape(PLACES, -1)).astype(np.float32), v.astype(np.float32))

    def log_chances(self, reading: ContextFeatures) -> np.ndarray:
        """``log P`` of each film of ``reading.named``, in its order, (named,) float32."""
        columns, values = self.vocabulary.row(reading.last)
        ways = np.fromiter(reading.named.values(), np.int64, len(reading.named))
        return log_expit((self.positions[:, columns] @ values)[ways % PLACES] + self.ways[ways]).astype(np.float32)


def _logistic(x: csr_matrix, truth: np.ndarray, pull: float) -> np.ndarray:
    """Weights (columns of x,) that minimise the loss, by L-BFGS."""
    turned = csr_matrix(x.T)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = x @ weights
        value = np.logaddexp(0.0, odds).sum() - truth @ odds + 0.5 * pull * weights @ weights
        return float(value), turned @ (expit(odds) - truth) + pull * weights

    return minimize(loss, np.zeros(x.get_shape()[1]), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
