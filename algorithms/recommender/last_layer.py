"""Read and replace the recommender's last layer, so that PPO can train it (``algorithms.policy.film_choice``).

With ``h`` the input of the layer for a conversation, ``O_j`` and ``b_j`` the vector and the bias of film ``j``, the
score of a film that the conversation has not named is ``scale x (h . O_j + b_j + …) - constant`` (``network.py``,
``fused.py``). Adding ``dO`` to ``O`` and ``db`` to ``b`` therefore moves the score by ``scale x (h . dO_j + db_j)``.
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
    """The K films with the best scores among those that a conversation has not named, best first.

    Attributes:
        films: (K,) film ids.
        columns: (K,) the films' columns in the last layer.
        scores: (K,) float32, the films' scores.
        hidden: (width,) float32, the last layer's input ``h`` for the conversation.
    """

    films: np.ndarray
    columns: np.ndarray
    scores: np.ndarray
    hidden: np.ndarray


def layer_scale(recommender: Recommender) -> float:
    """The factor ``scale`` by which the recommender multiplies the last layer's scores."""
    again = recommender.items.again
    return 1.0 if again is None else float(again.sharpness)


def candidates_of(recommender: Recommender, contexts: Sequence[Sequence[Utterance]], count: int) -> list[Candidates]:
    """For each context the best films that it does not name, and the last layer's input.

    Args:
        recommender: scores the films.
        contexts: the utterances so far, one sequence a conversation.
        count: films of a conversation at most; fewer where the catalogue has no more.
    """
    ids = np.array(recommender.catalog.ids)
    candidates = []
    for row, hidden, context in zip(*recommender.items.scores_and_hidden(contexts), contexts, strict=True):
        row = np.where(np.isin(ids, list(named_films(context))), -np.inf, row)
        best = np.argsort(-row, kind="stable")[:count]
        best = best[np.isfinite(row[best])]
        candidates.append(Candidates(ids[best], best, row[best].astype(np.float32), hidden))
    return candidates


def with_layer(recommender: Recommender, vectors: np.ndarray, bias: np.ndarray) -> Recommender:
    """A copy of the recommender whose last layer is changed.

    Args:
        recommender: is copied, and stays as it is.
        vectors: (films, width), is added to the films' vectors ``O``.
        bias: (films,), is added to the films' biases ``b``.
    """
    changed, items = copy.copy(recommender), copy.copy(recommender.items)
    weights = items.weights
    items.weights = replace(weights, films=weights.films + vectors, bias=weights.bias + bias)
    changed.items = items
    return changed
