"""Dialogue acts by classifiers that learnt from IARD's train dialogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from algorithms.readers.acts import ActReader, RecommenderActs, SeekerActs
from algorithms.readers.sentences import SentenceEncoder
from algorithms.readers.text_classifier import TextClassifier, label_f1
from envs.corpora.iard import FIRST_TEST_DIALOGUE, AnnotatedTurn
from envs.dialogue import Role

CODES = {"asks": "REQ", "recommends": "REC", "explains": "EXP", "accepts": "ACC", "rejects": "REJ", "inquires": "INQ"}
"""How the codes of an act begin."""
_ACTS = {
    Role.RECOMMENDER: tuple(field.name for field in fields(RecommenderActs)),
    Role.SEEKER: tuple(field.name for field in fields(SeekerActs)),
}


class ActClassifier:
    """Reads acts: one classifier of the recommender's, one of the seeker's."""

    name = "iard"

    def __init__(self, recommender: TextClassifier, seeker: TextClassifier) -> None:
        """Read with these two."""
        self._classifiers = {Role.RECOMMENDER: recommender, Role.SEEKER: seeker}

    @classmethod
    def fit(
        cls, turns: Sequence[AnnotatedTurn], sentences: SentenceEncoder | None = None, seed: int = 0
    ) -> ActClassifier:
        """Learn from the turns of ReDial's train dialogues, not of its test dialogues; None reads words alone."""
        made = []
        for role, acts in _ACTS.items():
            texts, targets = _targets([turn for turn in turns if turn.dialogue < FIRST_TEST_DIALOGUE], role)
            made.append(TextClassifier.fit(texts, targets, acts, sentences, seed))
        return cls(*made)

    def read_recommender(self, texts: Sequence[str]) -> RecommenderActs:
        """Acts of N texts of a recommender, titles of films taken out of them."""
        return RecommenderActs(*self._classifiers[Role.RECOMMENDER].probabilities(texts).T)

    def read_seeker(self, texts: Sequence[str]) -> SeekerActs:
        """Acts of N texts of a seeker."""
        return SeekerActs(*self._classifiers[Role.SEEKER].probabilities(texts).T)

    def save(self, folder: Path) -> None:
        """Write both classifiers."""
        for role, classifier in self._classifiers.items():
            classifier.save(folder / role.value)

    @classmethod
    def load(cls, folder: Path, sentences: SentenceEncoder | None = None) -> ActClassifier:
        """The classifiers of a folder (ModelError where there are none)."""
        return cls(*(TextClassifier.load(folder / role.value, sentences) for role in _ACTS))


def act_figures(reader: ActReader, turns: Sequence[AnnotatedTurn]) -> dict[str, float]:
    """F1 of each act at the threshold .5, on the turns of ReDial's test dialogues; 0 where none is found rightly."""
    figures = {}
    for role, acts in _ACTS.items():
        texts, targets = _targets([turn for turn in turns if turn.dialogue >= FIRST_TEST_DIALOGUE], role)
        read = reader.read_recommender(texts) if role is Role.RECOMMENDER else reader.read_seeker(texts)
        found = np.stack([np.asarray(getattr(read, act)) > 0.5 for act in acts], axis=1)
        figures |= zip(acts, label_f1(targets, found).tolist(), strict=True)
    return figures


def _targets(turns: Sequence[AnnotatedTurn], role: Role) -> tuple[list[str], np.ndarray]:
    own = [turn for turn in turns if turn.role is role]
    rows = [[any(code.startswith(CODES[act]) for code in turn.codes) for act in _ACTS[role]] for turn in own]
    return [turn.text for turn in own], np.array(rows, dtype=bool).reshape(len(own), len(_ACTS[role]))
