"""Plan the emotions of the next reply, learnt from the replies of human recommenders.

The planner is a softmax regression. Its target is the emotions that the reader finds in the human reply, nine shares
that sum to 1. Its features are the emotions of the seeker's last two turns, the words of the last one, the position in
the conversation, and whether films were just named. It minimises the cross-entropy plus a quadratic penalty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save
from scipy.sparse import csr_matrix, hstack
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from algorithms.readers.emotion_readers import load_reader, save_reader
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.hashed_grams import HashedGrams
from algorithms.weight_hashes import read_card, write_card
from envs.dialogue import MENTION, Dialogue, Role, Utterance, without_films
from envs.emotions import NINE, named_emotions
from envs.errors import ModelError
from envs.files import write_bytes

WEIGHTS, CARD = "planner.safetensors", "planner.json"
"""The files of a planner's folder; a fitted emotion reader is saved in a sub-folder."""

_POSITIONS = 5
"""Position features: contexts of 0, 1, 2, 3, and of 4 or more turns, since an environment may show no more."""
_BUCKETS = 2**16
"""Hash buckets of words and pairs of words; the other features stand before them."""
_FEATURES = 2 * len(NINE) + _POSITIONS + 2 + _BUCKETS
_FREEDOM, _ITERATIONS = 0.3, 500
"""Inverse of the penalty's weight beside the sum of the cross-entropies, and steps of the solver at most."""
_RARE = 1e-4
"""Odds of an emotion that no human reply carries."""
_READ = 4096
"""The number of texts in one call of the reader."""

Case = tuple[Sequence[Utterance], str]
"""The turns before a recommender's turn, and the human text of that turn."""


class TrainedEmotionPlanner:
    """Plans the emotions of the next reply. Implements ``envs.emotions.EmotionPlanner``."""

    def __init__(self, reader: EmotionReader, weights: np.ndarray, offsets: np.ndarray) -> None:
        """Plan with fitted weights; ``fit`` and ``load`` make them.

        Args:
            reader: reads the emotions of texts.
            weights: (features, 9) float32.
            offsets: (9,) float32.
        """
        self.reader, self._weights, self._offsets = reader, weights, offsets

    @classmethod
    def fit(cls, dialogues: Sequence[Dialogue], reader: EmotionReader) -> TrainedEmotionPlanner:
        """Learn from the recommender turns of dialogues; the problem is convex, so that no seed matters."""
        cases = _cases(dialogues)
        nine = _nine_of(
            reader, (text for context, reply in cases for text in (*_seeker_lines(context), without_films(reply)))
        )
        target_N9 = np.stack([nine[without_films(reply)] for _, reply in cases])
        return cls(reader, *_softmax_regression(_features([context for context, _ in cases], nine), target_N9))

    def plan(self, contexts: Sequence[Sequence[Utterance]]) -> list[tuple[str, ...]]:
        """For each context the names of the emotions that the next reply should carry, the most probable first."""
        return named_emotions(self.probabilities(contexts))

    def probabilities(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        """Shares of the nine emotions in the next reply of N contexts: (N, 9), rows sum to 1."""
        if not contexts:
            return np.zeros((0, len(NINE)), dtype=np.float32)
        nine = _nine_of(self.reader, (text for context in contexts for text in _seeker_lines(context)))
        return softmax(_features(contexts, nine) @ self._weights + self._offsets, axis=1).astype(np.float32)

    def carried(self, replies: Sequence[str]) -> list[tuple[str, ...]]:
        """Names of the emotions that the reader finds in N replies, films as ``@id``."""
        nine = _nine_of(self.reader, map(without_films, replies))
        return named_emotions(np.stack([nine[without_films(reply)] for reply in replies])) if replies else []

    def figures(self, dialogues: Sequence[Dialogue]) -> dict[str, float]:
        """How well the planner predicts the emotions of the human replies in dialogues.

        Returns:
            ``cross_entropy`` (nats) of the human emotions under the plan, and ``cross_entropy_of_mean`` under the mean
            emotions of the same replies. ``top`` and ``top_of_mean``: how often the most probable emotion of each is
            right.
        """
        cases = _cases(dialogues)
        nine = _nine_of(self.reader, (without_films(reply) for _, reply in cases))
        truth_N9 = np.stack([nine[without_films(reply)] for _, reply in cases])
        planned_N9, mean_9 = self.probabilities([context for context, _ in cases]), truth_N9.mean(0)
        return {
            "cross_entropy": float(-(truth_N9 * np.log(planned_N9 + 1e-9)).sum(1).mean()),
            "cross_entropy_of_mean": float(-(mean_9 * np.log(mean_9 + 1e-9)).sum()),
            "top": float((truth_N9.argmax(1) == planned_N9.argmax(1)).mean()),
            "top_of_mean": float((truth_N9.argmax(1) == mean_9.argmax()).mean()),
        }

    def save(self, folder: Path) -> None:
        """Write the regression, the reader if it is a classifier, and a card with the reader's name."""
        write_bytes(folder / WEIGHTS, save({"weights": self._weights, "offsets": self._offsets}))
        write_card(folder / CARD, {"reader": save_reader(self.reader, folder), "emotions": list(NINE)}, WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> TrainedEmotionPlanner:
        """The planner of a folder.

        Raises:
            ModelError: the folder holds no planner.
        """
        try:
            card = read_card(folder / CARD)
            reader = load_reader(folder, card["reader"])
            tensors = load_file(folder / WEIGHTS)
            weights, offsets = tensors["weights"], tensors["offsets"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ModelError(f"{folder} holds no planner of emotions: {error}. Train the responder again") from error
        if weights.shape != (_FEATURES, len(NINE)) or offsets.shape != (len(NINE),):
            raise ModelError(f"{folder} holds a planner of other features. Train the responder again")
        return cls(reader, weights, offsets)


def _softmax_regression(features: csr_matrix, target_NK: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (features, K) and offsets (K,) of least cross-entropy with targets that are shares, rows summing to 1.

    A row whose target has several shares counts once for each of them, weighed by the share: that is the same sum.
    """
    rows, columns = np.nonzero(target_NK)
    weights = np.zeros((features.get_shape()[1], target_NK.shape[1]), dtype=np.float32)
    offsets = np.full(target_NK.shape[1], np.log(_RARE), dtype=np.float32)
    known = np.unique(columns)
    offsets[known] = 0.0
    if len(known) > 1:
        model = LogisticRegression(C=_FREEDOM, max_iter=_ITERATIONS)
        model.fit(features[rows], columns, sample_weight=target_NK[rows, columns])
        solved = known[1:] if len(known) == 2 else known  # of two classes scikit-learn solves for the second
        weights[:, solved], offsets[solved] = model.coef_.T, model.intercept_
    return weights, offsets


def _nine_of(reader: EmotionReader, texts: Iterable[str]) -> dict[str, np.ndarray]:
    """The nine emotions of each distinct text; zeros where it is empty."""
    emotions = {"": np.zeros(len(NINE), dtype=np.float32)}
    missing = [text for text in dict.fromkeys(texts) if text]
    for start in range(0, len(missing), _READ):
        part = missing[start : start + _READ]
        emotions |= zip(part, reader.read(part).nine.astype(np.float32), strict=True)
    return emotions


def _cases(dialogues: Sequence[Dialogue]) -> list[Case]:
    """The recommender turns that have text besides film names."""
    return [
        (dialogue.utterances[:index], turn.text)
        for dialogue in dialogues
        for index, turn in enumerate(dialogue.utterances)
        if turn.role is Role.RECOMMENDER and without_films(turn.text)
    ]


def _seeker_lines(context: Sequence[Utterance]) -> tuple[str, str]:
    """The seeker's last turn and the one before it, without films; empty where there is none."""
    said = [without_films(turn.text) for turn in context[-4:] if turn.role is Role.SEEKER]
    return said[-1] if said else "", said[-2] if len(said) > 1 else ""


_GRAMS = HashedGrams.of_words(_BUCKETS)


def _features(contexts: Sequence[Sequence[Utterance]], nine: Mapping[str, np.ndarray]) -> csr_matrix:
    """Features of N contexts, (N, features)."""
    rows = []
    for context in contexts:
        last, before = _seeker_lines(context)
        position = np.zeros(_POSITIONS)
        position[min(len(context), _POSITIONS - 1)] = 1.0
        named = [float(any(MENTION.search(turn.text) for turn in context[-1:]))]
        named.append(float(any(MENTION.search(turn.text) for turn in context[-2:-1])))
        rows.append(np.concatenate([nine[last], nine[before], position, named]))
    words = _GRAMS.of([_seeker_lines(context)[0] for context in contexts])
    return csr_matrix(hstack([csr_matrix(np.stack(rows)), words]))
