"""A classifier that tells simulated seekers' turns from people's, judged on dialogues that it did not learn from.

A logistic regression on hashed words and pairs of neighbours (``algorithms.readers.text_classifier``): lower case,
question and exclamation marks are words, every film is one slot. So titles do not decide; what else is said does, names
of actors and genres included. It is fitted on four fifths of the dialogues and scores the last one, five times over.
Both answers to a turn are in one fifth. An AUC of .5 says that it cannot tell them apart, 1 that it always can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from algorithms.readers.text_classifier import TextClassifier
from ecr_rl.evaluation.bootstrap import Auc, Interval, interval

FOLDS = 5
_NEAREST = 1e-6
"""A probability nearer to 0 or 1 than this counts as this."""

_Fitted = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes the rows to learn from and the rows to score; returns the latters' probabilities of being simulated."""


def told_apart(
    texts: Sequence[str], words: np.ndarray, simulated: np.ndarray, dialogues: np.ndarray, counts_BN: np.ndarray
) -> dict[str, Interval | None]:
    """AUCs of simulated over human turns, with intervals over dialogues; None where there are too few dialogues.

        turns           each turn by itself
        conversations   all turns of a side in a dialogue, by the mean of their log-odds
        words_alone     each turn, by a regression that reads its number of words and nothing else

    The intervals hold the classifiers fixed.

    Args:
        texts: K turns, films as slots.
        words: (K,) words of each.
        simulated: (K,) bool; the others are people's.
        dialogues: (K,) index of each turn's dialogue, in [0, N).
        counts_BN: how often each of the N dialogues is drawn.
    """
    if len(np.unique(dialogues)) < FOLDS:
        return {"turns": None, "conversations": None, "words_alone": None}
    size = counts_BN.shape[1]
    by_text = _held_out(lambda learn, score: _by_text(texts, simulated, learn, score), dialogues)
    by_length = _held_out(lambda learn, score: _by_length(words, simulated, learn, score), dialogues)
    sides, side_K = np.unique(2 * dialogues + simulated, return_inverse=True)
    log_odds = np.bincount(side_K, by_text) / np.bincount(side_K)
    return {
        "turns": interval(Auc(by_text, simulated, dialogues, size), counts_BN),
        "conversations": interval(Auc(log_odds, sides % 2 == 1, sides // 2, size), counts_BN),
        "words_alone": interval(Auc(by_length, simulated, dialogues, size), counts_BN),
    }


def _held_out(fitted: _Fitted, dialogues: np.ndarray) -> np.ndarray:
    """(K,) log-odds of being simulated, each by a classifier of other dialogues."""
    probabilities = np.zeros(len(dialogues))
    for learn, score in GroupKFold(FOLDS).split(dialogues, groups=dialogues):
        probabilities[score] = fitted(learn, score)
    return logit(np.clip(probabilities, _NEAREST, 1 - _NEAREST))


def _by_text(texts: Sequence[str], simulated: np.ndarray, learn: np.ndarray, score: np.ndarray) -> np.ndarray:
    classifier = TextClassifier.fit([texts[int(row)] for row in learn], simulated[learn, None], ["simulated"])
    return classifier.probabilities([texts[int(row)] for row in score])[:, 0]


def _by_length(words: np.ndarray, simulated: np.ndarray, learn: np.ndarray, score: np.ndarray) -> np.ndarray:
    lengths = np.log1p(words)[:, None]
    return LogisticRegression().fit(lengths[learn], simulated[learn]).predict_proba(lengths[score])[:, 1]
