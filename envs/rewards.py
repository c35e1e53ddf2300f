"""Compute one reward a turn from six head scores.

The score of head h under an ensemble is ``mean_h - k * spread_h`` (Coste et al., arXiv 2310.02743). It is normalised to
mean 0 and standard deviation 1 under the reference policy, and capped from above (Moskovitz et al., arXiv 2310.04373).
The reward is the weighted sum of these scores, less penalties and a price of the turn, plus the acceptance bonus. The
learner adds the penalty for the KL to the reference, token by token. Two controls pay in place of the heads: chance,
and the reply's length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from envs.errors import DataError, ModelError
from envs.files import write_json
from envs.film_text.words import repeated_share
from envs.heads import HEADS, HeadScores
from envs.settings import RewardSettings

RULES = ("missing_end", "repetition", "verbosity", "markup", "acceptance", "turns")
"""The parts of every turn's reward that do not come from heads or a control."""
PARTS = (*HEADS, *RULES)
"""The parts of a turn's reward, by name, where the critic pays."""
LENGTH = "length"
"""The key of a reply's number of words in a saved ``HeadReference``."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class HeadReference:
    """Mean and standard deviation of each head under the reference policy, in HEADS' order, both (heads,).

    ``length`` is the mean and standard deviation of a reply's number of words.
    """

    mean: np.ndarray
    std: np.ndarray
    length: tuple[float, float] = (10.0, 5.0)

    @classmethod
    def identity(cls) -> HeadReference:
        """Mean 0.5 and deviation 0.25 for every head: the values before the reference policy is measured."""
        return cls(np.full(len(HEADS), 0.5), np.full(len(HEADS), 0.25))

    @classmethod
    def measure(cls, scores: np.ndarray, words: np.ndarray) -> HeadReference:
        """Measure the reference policy by its scores, (turns, heads), and its replies' numbers of words, (turns,).

        A head's deviation is at least 0.01, that of the words at least 1.
        """
        length = float(words.mean()), max(1.0, float(words.std()))
        return cls(scores.mean(axis=0), np.maximum(scores.std(axis=0), 0.01), length)

    @classmethod
    def load(cls, path: Path) -> HeadReference:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is not of that form, a mean is not finite or a deviation not positive.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            mean, std = (
                np.array([record[name][key] for name in (*HEADS, LENGTH)], dtype=float) for key in ("mean", "std")
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no head reference: {error!r}", file=path, remedy="Run the calibration again.") from error
        if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
            raise DataError(
                "means must be finite and deviations positive", file=path, remedy="Run the calibration again."
            )
        return cls(mean[:-1], std[:-1], (float(mean[-1]), float(std[-1])))

    def save(self, path: Path) -> None:
        """Write ``{head: {"mean", "std"}}``, with ``length`` as a further key, atomically."""
        record = {h: {"mean": float(m), "std": float(s)} for h, m, s in zip(HEADS, self.mean, self.std, strict=True)}
        write_json(path, record | {LENGTH: dict(zip(("mean", "std"), self.length, strict=True))})


class RewardShaper:
    """Turns head scores and facts of a reply into named parts; a turn's reward is their sum."""

    def __init__(self, settings: RewardSettings, reference: HeadReference | None = None) -> None:
        """Keep weights, penalties and the reference that normalises."""
        self._settings = settings
        self._reference = reference or HeadReference.identity()
        self._weights = np.array([settings.weight(head) for head in HEADS])

    def heads(self, scores: HeadScores) -> np.ndarray:
        """What each head pays: weighted, capped, normalised scores, shape (N, heads).

        Raises:
            ModelError: the scores have another number of heads, or are not finite since the judge failed.
        """
        if scores.mean.ndim != 2 or scores.mean.shape[1] != len(HEADS) or scores.spread.shape != scores.mean.shape:
            raise ModelError(f"the reward model gave scores of shape {scores.mean.shape}, not (N, {len(HEADS)})")
        if not (np.isfinite(scores.mean).all() and np.isfinite(scores.spread).all()):
            raise ModelError("the reward model gave a score that is not finite; no reward can be made of it")
        cautious = scores.mean - self._settings.spread_penalty * scores.spread
        return self._weights * np.minimum(self._settings.cap, (cautious - self._reference.mean) / self._reference.std)

    def parts(
        self,
        paid: np.ndarray,
        reply: str,
        earlier: Sequence[str],
        *,
        cut: bool,
        stripped: int,
        accepted: bool,
        place: Sequence[int],
    ) -> dict[str, float]:
        """The named parts of one turn's reward.

        Args:
            paid: a row of ``heads``, shape (heads,).
            reply: the cleaned reply.
            earlier: the recommender's turns before it.
            cut: the reply stopped at its limit, before its end.
            stripped: number of markers and titles that were removed from it.
            accepted: the seeker accepted a film.
            place: seed, episode and turn; they decide what the control ``random`` pays.

        Returns:
            ``PARTS``; under a control the part ``random`` or ``length`` in place of the heads.
        """
        settings = self._settings
        rules = (
            -settings.missing_end * cut,
            -settings.repetition * repetition(reply, earlier),
            -settings.verbosity * max(0.0, self._longer(reply)),
            -settings.markup * (stripped > 0),
            settings.acceptance * accepted,
            -settings.turns,
        )
        judged = dict(zip(HEADS, paid, strict=True)) if settings.source == "critic" else self._control(reply, place)
        parts = judged | dict(zip(RULES, rules, strict=True))
        return {name: float(value) + 0.0 for name, value in parts.items()}  # no -0.0

    def _control(self, reply: str, place: Sequence[int]) -> dict[str, float]:
        """What a control pays: its value, as a score in standard deviations, times the weights of all heads."""
        weight = float(self._weights.sum())
        if self._settings.source == "random":
            # The last 2 keeps these generators apart from those of the episode and of the sampling noise.
            return {"random": weight * float(np.random.default_rng([*place, 2]).standard_normal())}
        return {LENGTH: weight * min(self._settings.cap, self._longer(reply))}

    def _longer(self, reply: str) -> float:
        """By how many standard deviations the reply has more words than the reference policy's mean."""
        mean, deviation = self._reference.length
        return (len(reply.split()) - mean) / deviation


def repetition(reply: str, earlier: Sequence[str]) -> float:
    """Share of a reply's word bigrams that occur earlier in it; 1 if an earlier reply had the same words.

    Case and punctuation do not count. A new reply of fewer than two words repeats nothing.
    """
    words = _words(reply)
    if any(words == _words(said) for said in earlier):
        return 1.0
    return repeated_share(list(pairwise(words)))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
