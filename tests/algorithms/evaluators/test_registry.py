"""Evaluators by name: ridge regression on words or characters, an own one, and what a wrong one is answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.registry import evaluator_of
from envs.dialogue import Role, Utterance
from envs.errors import ConfigError
from envs.heads import Exchange

REPLIES = ["You may like Heat (1995)!", "No idea.", "How about a comedy, such as Clue (1985)?", "Sorry to hear that."]
EXCHANGES = [Exchange((Utterance(Role.SEEKER, "Any films?"),), reply) for reply in REPLIES * 5]
LABELS = np.tile([[0.9], [0.1], [0.7], [0.3]], (5, 1))


class MeanLabel:
    """An own evaluator: everything is as good as the mean."""

    def __init__(self, mean: np.ndarray, heads: Sequence[str]) -> None:
        self.mean, self.heads = mean, tuple(heads)

    @classmethod
    def fit(cls, exchanges: Sequence[Exchange], labels: np.ndarray, heads: Sequence[str]) -> MeanLabel:
        return cls(labels.mean(0), heads)

    @classmethod
    def load(cls, folder: Path) -> MeanLabel:
        return cls(np.load(folder / "mean.npy"), (folder / "heads").read_text().split())

    def scores(self, exchanges: Sequence[Exchange]) -> np.ndarray:
        return np.tile(self.mean, (len(exchanges), 1))

    def save(self, folder: Path) -> None:
        np.save(folder / "mean.npy", self.mean)
        (folder / "heads").write_text(" ".join(self.heads))


class NoKind:
    """No evaluator at all."""


@pytest.mark.parametrize("name", ["words", "characters", f"{__name__}:MeanLabel"])
def test_an_evaluator_survives_its_folder(name: str, tmp_path: Path) -> None:
    fitted = evaluator_of(name).fit(EXCHANGES, LABELS, ["overall"])
    fitted.save(tmp_path)
    loaded = evaluator_of(name).load(tmp_path)
    assert tuple(loaded.heads) == ("overall",)
    assert loaded.scores(EXCHANGES).shape == (20, 1)
    assert (loaded.scores(EXCHANGES) == fitted.scores(EXCHANGES)).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{__name__}:NoKind", "NoKind has no fit, load, save, scores"),
        (f"{__name__}:LABELS", "ndarray has no"),
        ("wrods", "Did you mean words"),
    ],
)
def test_what_is_no_evaluator_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        evaluator_of(name).fit(EXCHANGES, LABELS, ["overall"])
