"""How likely a seeker is to like a film: a logistic regression on the questionnaires of the training dialogues.

Features are the film's identity and its facts; the facts decide for films that nobody judged. The conversation's words
did not help on validation dialogues: the same seekers like most of what they are offered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, hstack, identity
from scipy.special import expit

from envs.catalog import Catalog
from envs.dialogue import Dialogue

_DECAY = 5.0
"""Penalty on squared weights, in answers."""


def fit_liking(dialogues: Sequence[Dialogue], catalog: Catalog, facts: csr_matrix) -> np.ndarray:
    """Log-odds (films,) float64 that a seeker likes each film.

    Args:
        dialogues: the training dialogues, with their questionnaires.
        catalog: the films.
        facts: (films, facts) the facts of each film.
    """
    columns = {film: column for column, film in enumerate(catalog.ids)}
    liked, judged = np.zeros(len(columns)), np.zeros(len(columns))
    for dialogue in dialogues:
        for films, answer in ((dialogue.profile.liked, 1.0), (dialogue.profile.disliked, 0.0)):
            known = [columns[film] for film in films if film in columns]
            judged[known] += 1.0
            liked[known] += answer
    x = csr_matrix(hstack([identity(len(columns)), facts], dtype=np.float64))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = x @ weights[:-1] + weights[-1]
        error = judged * expit(odds) - liked
        nats = (judged * np.logaddexp(0.0, odds) - liked * odds).sum() + 0.5 * _DECAY * (weights[:-1] ** 2).sum()
        return nats, np.append(x.T @ error + _DECAY * weights[:-1], error.sum())

    solution = minimize(loss, np.zeros(x.get_shape()[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return x @ solution[:-1] + solution[-1]
