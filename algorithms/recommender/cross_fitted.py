"""Recommenders of different dialogues of one corpus: films are proposed by one that has not seen the dialogue.

    <folder>/                    learnt from all that it may: proposes on test dialogues and for people
    <folder>/fits/train/         learnt from train alone, where the one above also learnt from validation
    <folder>/fits/first-half/    learnt from one half of train, and proposes on the other half
    <folder>/fits/second-half/   the other way round

A recommender that has seen a dialogue proposes films there that people accept in it more often than on new dialogues.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from algorithms.recommender.recommender import CARD, LEARNT_FROM, Recommender
from envs.dialogue import Dialogue
from envs.errors import ModelError

FITS, TRAIN, HALVES = "fits", "train", ("first-half", "second-half")
"""The sub-folder of a recommender's folder for recommenders of fewer dialogues, and their names."""


class CrossFittedRecommender:
    """Chooses for each dialogue a recommender that has not seen it. Implements ``RecommenderByDialogue``."""

    def __init__(self, folder: Path) -> None:
        """Read what each recommender of a folder has seen; one is loaded when it first proposes.

        Args:
            folder: a recommender's; one without ``fits/`` proposes on dialogues that it has not seen alone.

        Raises:
            ModelError: the folder holds no recommender.
        """
        self._folder = folder
        fits = [_Fit(folder), *map(_Fit, sorted((folder / FITS).glob("*/")))]
        self._fits = sorted(fits, key=lambda fit: -len(fit.learnt_from))

    def for_dialogue(self, dialogue: Dialogue) -> Recommender:
        """Of the recommenders that have not seen the dialogue, the one that learnt from most dialogues.

        Raises:
            ModelError: all have seen it.
        """
        for fit in self._fits:
            if dialogue.text_hash not in fit.learnt_from:
                return fit.recommender
        raise ModelError(
            f"{self._folder}: the recommender learnt from dialogue {dialogue.conversation_id}, so its films there say "
            "nothing. Take test dialogues, or the recommender of a run, which has one for each half of train"
        )


def train_recommender(folder: Path) -> Recommender:
    """The recommender that learnt from all train dialogues and from no other.

    Args:
        folder: as for ``CrossFittedRecommender``.

    Raises:
        ModelError: the folder holds no recommender.
    """
    alone = folder / FITS / TRAIN
    return Recommender.load(alone if alone.is_dir() else folder)


def halves(dialogues: Sequence[Dialogue]) -> tuple[tuple[Dialogue, ...], tuple[Dialogue, ...]]:
    """Two halves in the order given, drawn by the hash of the texts: both are spread over time.

    Dialogues of equal text lie in the same half.
    """
    hashes = sorted({dialogue.text_hash for dialogue in dialogues})
    first = set(hashes[: len(hashes) // 2])
    return (
        tuple(dialogue for dialogue in dialogues if dialogue.text_hash in first),
        tuple(dialogue for dialogue in dialogues if dialogue.text_hash not in first),
    )


class _Fit:
    """A recommender's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self.learnt_from = frozenset(json.loads((folder / CARD).read_text(encoding="utf-8"))[LEARNT_FROM])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{folder} holds no recommender: {error}. Train it again") from error

    @cached_property
    def recommender(self) -> Recommender:
        return Recommender.load(self._folder)
