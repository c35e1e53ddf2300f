"""Choose the emotion reader that measures a responder's replies: another one than the planner's, if possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithms.readers.emotions import EmotionReader, LexiconEmotions
from ecr_rl.labels.judging.text_readers import fit_text_readers, load_text_readers
from ecr_rl.runs.artefacts import ArtefactCache, model_version
from ecr_rl.runs.source_closure import code_version
from ecr_rl.settings import TextReaderSettings


@dataclass(frozen=True)
class IndependentEmotions:
    """An emotion reader, its description, and whether it differs from the planner's reader."""

    reader: EmotionReader
    name: str
    independent: bool


def independent_emotions(goemotions: Path | None, planned_by: str, cache: Path) -> IndependentEmotions:
    """The reader that measures.

    With GoEmotions' data it is a classifier on MiniLM's sentence vectors, fitted once and kept in the cache; the
    planner's classifier reads only hashed words. Without the data it uses phrases, which are independent only if the
    planner has a classifier.

    Args:
        goemotions: GoEmotions' folder.
        planned_by: name of the planner's reader.
        cache: the cache folder.

    Raises:
        DataError: the folder does not hold GoEmotions.
        ModelError: MiniLM is not installed.
    """
    if goemotions is None:
        return IndependentEmotions(LexiconEmotions(), "phrases", planned_by != LexiconEmotions.name)
    settings = TextReaderSettings(emotions=str(goemotions), sentences="minilm")

    def build(folder: Path) -> Mapping[str, Any]:
        return fit_text_readers(settings, folder)

    key = {
        "emotions": model_version(settings.emotions),
        "sentences": "minilm",
        "code": code_version(independent_emotions),
    }
    fitted = ArtefactCache(cache).build("second-reader", key, build)
    return IndependentEmotions(
        load_text_readers(fitted.folder).emotions, "GoEmotions classifier on MiniLM's sentences", True
    )
