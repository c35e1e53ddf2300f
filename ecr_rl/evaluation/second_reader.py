"""Who reads the emotions of a responder's replies: a reader that did not plan them, where one is to be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithms.emotions import EmotionReader, LexiconEmotions
from ecr_rl.artefacts import ArtefactCache, model_version
from ecr_rl.labels.instruments import fit_instruments, load_instruments
from ecr_rl.labels.settings import InstrumentSettings
from ecr_rl.source_closure import code_version


@dataclass(frozen=True)
class SecondReader:
    """A reader of emotions, what it is, and whether it is another one than the planner's."""

    reader: EmotionReader
    name: str
    independent: bool


def second_reader(goemotions: Path | None, planned_by: str, cache: Path) -> SecondReader:
    """The reader that measures.

    With GoEmotions' data a classifier on MiniLM's sentences, fitted once and kept in the cache: the planner's reads
    hashed words alone. Without it phrases, which are independent only of a planner with a classifier.

    Args:
        goemotions: GoEmotions' folder.
        planned_by: name of the planner's reader.
        cache: the cache folder.

    Raises:
        DataError: the folder does not hold GoEmotions.
        ModelError: MiniLM is not installed.
    """
    if goemotions is None:
        return SecondReader(LexiconEmotions(), "phrases", planned_by != LexiconEmotions.name)
    settings = InstrumentSettings(emotions=str(goemotions), sentences="minilm")

    def build(folder: Path) -> Mapping[str, Any]:
        return fit_instruments(settings, folder)

    key = {
        "emotions": model_version(settings.emotions),
        "sentences": "minilm",
        "code": code_version(second_reader),
    }
    fitted = ArtefactCache(cache).build("second-reader", key, build)
    return SecondReader(load_instruments(fitted.folder).emotions, "GoEmotions classifier on MiniLM's sentences", True)
