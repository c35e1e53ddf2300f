"""The recommender's last layer, from outside: what it is given for a conversation, and a recommender with another one.

The score of a new film is ``scale x (h . O_j + b_j + …) - constant`` (``network.py``, ``fused.py``): a change of ``O``
and ``b`` moves it by ``scale x (h . dO_j + db_j)``.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from algorithms.recommender.recommender import Recommender
from envs.dialogue import Utterance, named_films


@dataclass(frozen=True, slots=True)
class Candidates:
    """The best new films of a conversation, K or fewer, best first.

    Attributes:
        films: (K,) ids.
        columns: (K,) their columns in the last layer.
        scores: (K,) float32.
        hidden: (width,) float32, the ``h`` that the last layer is given.
    """

    films: np.ndarray
    columns: np.ndarray
    scores: np.ndarray
    hidden: np.ndarray


def layer_scale(recommender: Recommender) -> float:
    """What the last layer's scores are multiplied by."""
    again = recommender.items.again
    return 1.0 if again is None else float(again.sharpness)


def candidates_of(recommender: Recommender, contexts: Sequence[Sequence[Utterance]], count: int) -> list[Candidates]:
    """The best ``count`` films of each context that it does not name, and what the last layer is given."""
    ids = np.array(recommender.catalog.ids)
    found = []
    for row, hidden, context in zip(*recommender.items.scores_and_hidden(contexts), contexts, strict=True):
        row = np.where(np.isin(ids, list(named_films(context))), -np.inf, row)
        best = np.argsort(-row, kind="stable")[:count]
        best = best[np.isfinite(row[best])]
        found.append(Candidates(ids[best], best, row[best].astype(np.float32), hidden))
    return found


def with_layer(recommender: Recommender, vectors: np.ndarray, bias: np.ndarray) -> Recommender:
    """The same recommender with a changed last layer.

    Args:
        recommender: stays as it is.
        vectors: (films, width), added to the films' vectors.
        bias: (films,), added to their biases.
    """
    changed, items = copy.copy(recommender), copy.copy(recommender.items)
    weights = items.weights
    items.weights = replace(weights, films=weights.films + vectors, bias=weights.bias + bias)
    changed.items = items
    return changed
