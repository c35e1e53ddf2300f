"""The reader of a seeker's acts, and how well it reads people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from algorithms.readers.act_classifier import ActClassifier, act_figures
from algorithms.readers.acts import ActReader, RuleActs, SeekerActs
from algorithms.readers.sentence_sources import load_sentences
from algorithms.readers.sentences import WORDS
from ecr_rl.settings import TextReaderSettings
from envs.corpora.iard import read_iard

ACTS = tuple(field.name for field in fields(SeekerActs))
"""``accepts``, ``rejects`` and ``inquires``."""


@dataclass(frozen=True)
class SeekerActReader:
    """A reader of acts.

    Attributes:
        reader: reads them.
        f1: F1 of each act at a probability over .5, on the people of IARD's test dialogues; empty where it has not
            learnt from IARD.
    """

    reader: ActReader
    f1: Mapping[str, float]


def seeker_act_reader(settings: TextReaderSettings) -> SeekerActReader:
    """The reader that the settings name: phrases, or a classifier that learns from IARD's train dialogues.

    Raises:
        DataError: IARD's file cannot be read.
        ModelError: the sentence encoder cannot be loaded.
    """
    if settings.acts == RuleActs.name:
        return SeekerActReader(RuleActs(), {})
    turns = read_iard(Path(settings.acts))
    sentences = None if settings.sentences == WORDS else load_sentences(settings.sentences)
    reader = ActClassifier.fit(turns, sentences, settings.seed)
    f1 = act_figures(reader, turns)
    return SeekerActReader(reader, {act: f1[act] for act in ACTS})
