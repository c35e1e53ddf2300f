"""The rubric's text readers: emotions, acts and similarity of texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.readers.acts import ActReader, RuleActs
from algorithms.readers.emotions import EmotionReader, LexiconEmotions
from algorithms.readers.sentence_sources import load_sentences
from algorithms.readers.sentences import WORDS, SentenceEncoder
from ecr_rl.settings import TextReaderSettings
from envs.errors import ModelError
from envs.files import write_json

EMOTIONS, ACTS, CARD = "emotions", "acts", "instruments.json"
_FEELINGS = ("care", "sorrow", "hostility", "warmth")

Readings = list[Mapping[str, float]]
"""For each text, probabilities by name."""


@dataclass(frozen=True)
class TextReaders:
    """The readers of emotions, acts and similarity."""

    emotions: EmotionReader
    act_reader: ActReader
    sentences: SentenceEncoder
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Figures of the fitted readers on held-out data."""

    @property
    def provenance(self) -> dict[str, Any]:
        """The names of the three readers, and the figures of the fitted ones."""
        names = {"emotions": self.emotions.name, "acts": self.act_reader.name, "sentences": self.sentences.name}
        return {**names, "figures": dict(self.figures)}

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
        """Cosine of the embeddings of each pair of texts, clipped to [0, 1]."""
        cosines = (self.sentences.embed(first) * self.sentences.embed(second)).sum(1)
        return np.clip(cosines, 0.0, 1.0).tolist()


def lexicon_readers() -> TextReaders:
    """Text readers that need no model and no data: phrases and words."""
    return TextReaders(LexiconEmotions(), RuleActs(), load_sentences("words"))


def fit_text_readers(settings: TextReaderSettings, folder: Path) -> dict[str, Any]:
    """Fit the readers that the settings name and save them in ``folder``.

    Returns:
        Figures on GoEmotions' test split and IARD's test dialogues: ``{"emotions": …, "acts": …}``.

    Raises:
        DataError: the data cannot be read.
        ModelError: the sentence encoder cannot be loaded.
    """
    from algorithms.readers.act_classifier import ActClassifier, act_figures
    from algorithms.readers.emotion_classifier import EmotionClassifier
    from envs.corpora.goemotions import load_goemotions
    from envs.corpora.iard import read_iard

    figures: dict[str, Any] = {}
    sentences = None if settings.sentences == WORDS else load_sentences(settings.sentences)
    if settings.emotions != LexiconEmotions.name:
        data = load_goemotions(settings.emotions)
        emotions = EmotionClassifier.fit(data, sentences, settings.seed)
        emotions.save(folder / EMOTIONS)
        figures["emotions"] = emotions.figures(data)
    if settings.acts != RuleActs.name:
        turns = read_iard(Path(settings.acts))
        acts = ActClassifier.fit(turns, sentences, settings.seed)
        acts.save(folder / ACTS)
        figures["acts"] = {"f1": act_figures(acts, turns), "f1_of_rules": act_figures(RuleActs(), turns)}
    write_json(folder / CARD, {"sentences": settings.sentences, "figures": figures})
    return figures


def load_text_readers(folder: Path | None) -> TextReaders:
    """Load the text readers of a folder that ``fit_text_readers`` wrote; for None, those that need no model.

    Raises:
        ModelError: the folder holds none.
    """
    if folder is None:
        return lexicon_readers()
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        sentences = load_sentences(card["sentences"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} holds no instruments: {error}. Fit them again") from error
    emotions, acts = LexiconEmotions(), RuleActs()
    if (folder / EMOTIONS).is_dir():
        from algorithms.readers.emotion_classifier import EmotionClassifier

        emotions = EmotionClassifier.load(folder / EMOTIONS, sentences)
    if (folder / ACTS).is_dir():
        from algorithms.readers.act_classifier import ActClassifier

        acts = ActClassifier.load(folder / ACTS, sentences)
    return TextReaders(emotions, acts, sentences, card["figures"])


def _rows(texts: Iterable[str], read: Any, names: Sequence[str] | None = None) -> Readings:
    names = names or [each.name for each in fields(read)]
    columns = {name: np.asarray(getattr(read, name)).tolist() for name in names}
    empty = dict.fromkeys(names, 0.0)
    return [{name: columns[name][row] for name in names} if text.strip() else empty for row, text in enumerate(texts)]
