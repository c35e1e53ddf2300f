"""Emotions of a text: ECR's nine, and four groups that measure empathy.

GoEmotions' labels (Demszky et al., ACL 2020) map to the nine emotions of ECR (Zhang et al., RecSys 2024) by valence and
act. No GoEmotions label corresponds to ``nostalgia``: phrases find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from envs.emotions import NINE
from envs.film_text.words import phrases

GROUPS: dict[str, tuple[str, ...]] = {
    "care": ("caring",),
    "sorrow": ("sadness", "grief", "remorse", "disappointment", "fear", "nervousness", "embarrassment"),
    "hostility": ("anger", "annoyance", "disapproval", "disgust"),
    "warmth": ("love", "gratitude", "joy", "optimism", "admiration", "approval", "excitement"),
}
"""Groups of GoEmotions' labels."""

NOSTALGIA = phrases(
    """nostalgic|nostalgia|childhood|when i was a kid|when i was little|when i was young|grew up with|grew up watching
    |good old days|reminds me of|brings back memories|brought back memories|back in the day|memories"""
)
"""Phrases of nostalgia."""

_PHRASES = {
    "caring": "take care|hope you feel|feel better|i understand|here for you|hang in there|you deserve|cheer you",
    "sadness": "sad|lonely|depressed|heartbroken|crying|cried|miss him|miss her|unhappy|down today",
    "remorse": "sorry|apologize|my bad|my mistake|regret",
    "disappointment": "disappointed|disappointing|let down|unfortunately|too bad",
    "fear": "scared|afraid|worried|anxious|nervous|stressed",
    "anger": "angry|furious|mad at|hate|hated|shut up|pissed",
    "annoyance": "annoying|annoyed|whatever|ugh|stop asking|who cares|boring|stupid|ridiculous|hurry up|waste my time",
    "disapproval": "bad taste|terrible|awful|didn't like|don't like|not a fan|don't care|horrible",
    "disgust": "disgusting|gross|nasty|trash",
    "love": "love|loved|adore|favorite|favourite",
    "gratitude": "thank|thanks|thank you|appreciate|grateful",
    "joy": "happy|glad|enjoy|enjoyed|fun|haha|lol|great time|delighted",
    "optimism": "hope|hopefully|looking forward|can't wait",
    "admiration": "great|awesome|amazing|excellent|wonderful|good choice|fantastic|good one|nice|brilliant",
    "approval": "agree|exactly|of course|absolutely|good idea|sounds good|me too|definitely",
    "excitement": "excited|wow|yay|thrilled",
    "curiosity": "curious|wonder|wondering|what kind|which one|have you seen|tell me",
    "surprise": "surprised|wow|really|no way|didn't know|unexpected",
}
NINE_OF = {
    "like": ("love", "admiration"),
    "curious": ("curiosity",),
    "happy": ("joy", "optimism", "excitement"),
    "grateful": ("gratitude", "caring"),
    "negative": (*GROUPS["sorrow"], *GROUPS["hostility"]),
    "agreement": ("approval",),
    "surprise": ("surprise",),
}
NOSTALGIC = _PRESENT = 0.7
"""Probability of an emotion if the text has one of its phrases; a second phrase takes the same share of the rest."""


@dataclass(frozen=True)
class Emotions:
    """Emotions of N texts.

    Attributes:
        nine: (N, 9), rows sum to 1, in the order of ``NINE``.
        care, sorrow, hostility, warmth: (N,) in [0, 1], the probability that at least one label of the group holds.
    """

    nine: np.ndarray
    care: np.ndarray
    sorrow: np.ndarray
    hostility: np.ndarray
    warmth: np.ndarray


class EmotionReader(Protocol):
    """Reads emotions; ``name`` is the method."""

    name: str

    def read(self, texts: Sequence[str]) -> Emotions:
        """Emotions of N texts, titles of films taken out of them."""
        ...


class LexiconEmotions:
    """Finds emotions by phrases; the fallback without a trained classifier."""

    name = "lexicon"

    def __init__(self) -> None:
        """Prepare the phrases."""
        self._patterns = {label: phrases(listing) for label, listing in _PHRASES.items()}

    def read(self, texts: Sequence[str]) -> Emotions:
        """Emotions of N texts, titles of films taken out of them."""
        label_sets = [self._labels(text.lower().replace("\u2019", "'")) for text in texts]
        nine = np.array([_nine(row, text) for row, text in zip(label_sets, texts, strict=True)], dtype=np.float32)
        groups = {name: np.array([_any(row, labels) for row in label_sets]) for name, labels in GROUPS.items()}
        return Emotions(nine.reshape(len(texts), len(NINE)), **groups)

    def _labels(self, text: str) -> dict[str, float]:
        counts = {label: len(set(pattern.findall(text))) for label, pattern in self._patterns.items()}
        return {label: 1 - (1 - _PRESENT) ** count for label, count in counts.items()}


def _any(row: dict[str, float], labels: Sequence[str]) -> float:
    return 1.0 - float(np.prod([1.0 - row.get(label, 0.0) for label in labels]))


def _nine(row: dict[str, float], text: str) -> list[float]:
    values = {name: _any(row, labels) for name, labels in NINE_OF.items()}
    values["nostalgia"] = _PRESENT if NOSTALGIA.search(text.lower()) else 0.0
    values["neutral"] = max(0.0, 1.0 - max(values.values()))
    total = sum(values.values())
    return [values[name] / total for name in NINE]
