"""What the rubric measures with: emotions, acts and similarity of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from algorithms.acts import ActReader, RuleActs
from algorithms.emotions import EmotionReader, LexiconEmotions
from algorithms.sentences import SentenceEncoder, load_sentences

_FEELINGS = ("care", "sorrow", "hostility", "warmth")

Readings = list[Mapping[str, float]]
"""For each text, probabilities by name."""


@dataclass(frozen=True)
class Instruments:
    """The readers of emotions, acts and similarity."""

    emotions: EmotionReader
    act_reader: ActReader
    sentences: SentenceEncoder

    @property
    def provenance(self) -> dict[str, str]:
        """The names of the three readers."""
        return {"emotions": self.emotions.name, "acts": self.act_reader.name, "sentences": self.sentences.name}

    def feelings(self, texts: Sequence[str]) -> Readings:
        """``care``, ``sorrow``, ``hostility`` and ``warmth`` of each text; 0 for a text without words."""
        return _rows(texts, self.emotions.read(texts), _FEELINGS)

    def acts(self, texts: Sequence[str]) -> Readings:
        """The recommender's acts in each text; 0 for a text without words."""
        return _rows(texts, self.act_reader.read_recommender(texts))

    def reactions(self, texts: Sequence[str]) -> Readings:
        """The seeker's acts in each text; 0 for a text without words."""
        return _rows(texts, self.act_reader.read_seeker(texts))

    def similarity(self, first: Sequence[str], second: Sequence[str]) -> list[float]:
        """Cosine of the embeddings of the i-th texts of both, held to [0, 1]."""
        cosines = (self.sentences.embed(first) * self.sentences.embed(second)).sum(1)
        return np.clip(cosines, 0.0, 1.0).tolist()


def lexicon_instruments() -> Instruments:
    """Instruments that need no model and no data: phrases and words."""
    return Instruments(LexiconEmotions(), RuleActs(), load_sentences("words"))


def _rows(texts: Iterable[str], read: Any, names: Sequence[str] | None = None) -> Readings:
    names = names or [field.name for field in fields(read)]
    columns = {name: np.asarray(getattr(read, name)).tolist() for name in names}
    empty = dict.fromkeys(names, 0.0)
    return [{name: columns[name][row] for name in names} if text.strip() else empty for row, text in enumerate(texts)]
