"""Emotions by a classifier that learnt from GoEmotions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algorithms.readers.emotions import GROUPS, NINE_OF, NOSTALGIA, NOSTALGIC, Emotions
from algorithms.readers.sentences import SentenceEncoder
from algorithms.readers.text_classifier import TextClassifier, label_f1
from envs.corpora.goemotions import Comment, GoEmotions
from envs.emotions import NINE


class EmotionClassifier:
    """Reads emotions; see ``emotions`` for how GoEmotions' labels map to the nine and to the groups."""

    name = "goemotions"

    def __init__(self, classifier: TextClassifier) -> None:
        """Read with a classifier of GoEmotions' labels."""
        self._classifier = classifier
        self._column_of = {label: index for index, label in enumerate(classifier.labels)}

    @classmethod
    def fit(cls, data: GoEmotions, sentences: SentenceEncoder | None = None, seed: int = 0) -> EmotionClassifier:
        """Learn from the train split; None reads words alone."""
        texts, targets = _targets(data.train, data.labels)
        return cls(TextClassifier.fit(texts, targets, data.labels, sentences, seed))

    def read(self, texts: Sequence[str]) -> Emotions:
        """Emotions of N texts, titles of films taken out of them."""
        probabilities = self._classifier.probabilities(texts)
        none_NL = 1.0 - probabilities
        groups = {name: 1.0 - self._product(none_NL, labels) for name, labels in GROUPS.items()}
        columns = {name: 1.0 - self._product(none_NL, labels) for name, labels in NINE_OF.items()}
        columns["neutral"] = probabilities[:, self._column_of["neutral"]]
        columns["nostalgia"] = np.array([NOSTALGIC * bool(NOSTALGIA.search(text.lower())) for text in texts])
        nine = np.stack([columns[name] for name in NINE], axis=1).reshape(len(texts), len(NINE)).astype(np.float32)
        return Emotions(nine / np.clip(nine.sum(1, keepdims=True), 1e-9, None), **groups)

    def figures(self, data: GoEmotions) -> dict[str, float]:
        """Macro F1 on the test split, of the labels and of the nine emotions; thresholds are chosen on ``dev``."""
        return {
            "macro_f1": self._macro_f1(data, {label: (label,) for label in data.labels}),
            "macro_f1_nine": self._macro_f1(data, {**NINE_OF, "neutral": ("neutral",)}),
            "n": len(data.test),
        }

    def save(self, folder: Path) -> None:
        """Write the classifier."""
        self._classifier.save(folder)

    @classmethod
    def load(cls, folder: Path, sentences: SentenceEncoder | None = None) -> EmotionClassifier:
        """The classifier of a folder (ModelError where there is none)."""
        return cls(TextClassifier.load(folder, sentences))

    def _product(self, none_NL: np.ndarray, labels: Sequence[str]) -> np.ndarray:
        return none_NL[:, self._columns(labels)].prod(1)

    def _columns(self, labels: Sequence[str]) -> list[int]:
        """Columns of the labels that the classifier knows; ECR's own ``excitement`` may be among the others."""
        return [self._column_of[label] for label in labels if label in self._column_of]

    def _macro_f1(self, data: GoEmotions, classes: dict[str, tuple[str, ...]]) -> float:
        scores, truths = {}, {}
        for name, split in (("dev", data.dev), ("test", data.test)):
            texts, targets = _targets(split, data.labels)
            none_NL = 1.0 - self._classifier.probabilities(texts)
            scores[name] = np.stack([1.0 - self._product(none_NL, labels) for labels in classes.values()], axis=1)
            truths[name] = np.stack([targets[:, self._columns(labels)].any(1) for labels in classes.values()], axis=1)
        steps = np.arange(0.05, 0.95, 0.05)
        dev_SC = np.stack([label_f1(truths["dev"], scores["dev"] > step) for step in steps])
        return float(label_f1(truths["test"], scores["test"] > steps[dev_SC.argmax(0)]).mean())


def _targets(comments: Sequence[Comment], labels: Sequence[str]) -> tuple[list[str], np.ndarray]:
    return [text for text, _ in comments], np.array([[label in own for label in labels] for _, own in comments])
