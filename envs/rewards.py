"""From the heads' scores to one reward a turn.

Score of head h under an ensemble: ``mean_h - k * spread_h`` (Coste et al., arXiv 2310.02743), normalised to mean 0 and
standard deviation 1 under the reference policy, capped from above (Moskovitz et al., arXiv 2310.04373), weighted and
summed. Of a head of which less is better, mean and reference change their signs first. Penalties and a price of the
turn come off, the acceptance bonus is added. PPO compares a turn's pay with the mean turn's, except for the price and
the bonus (``algorithms.ppo.advantages.centred``). The reference-KL penalty is the learner's, a token at a time. What
pays for a reply need not be the heads: see ``envs.reward_sources``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.errors import DataError, ModelError
from envs.files import write_json
from envs.film_text.words import repetition
from envs.heads import HeadScores
from envs.registry import build
from envs.reward_sources import REWARD_SOURCES, JudgedReply, RewardInputs, RewardSource
from envs.settings import RewardSettings

RULES = ("missing_end", "repetition", "verbosity", "markup", "acceptance", "turns")
"""The parts of every turn's reward beside what the reward source pays."""
CONVERSATION_PARTS = ("acceptance", "turns")
"""Those of ``RULES`` that pay for a conversation's result and price its length; all other parts pay for the reply."""
LENGTH = "length"
"""The key of a reply's number of words in a saved ``HeadReference``."""

_USUAL_LENGTH = 10.0, 5.0
"""Mean and deviation of a reply's words before the reference policy has spoken."""


@dataclass(frozen=True, slots=True)
class HeadReference:
    """Mean and standard deviation of each head under the reference policy, both (heads,).

    ``heads`` names the columns; ``length`` is the same of a reply's words.
    """

    heads: tuple[str, ...]
    mean: np.ndarray
    std: np.ndarray
    length: tuple[float, float] = _USUAL_LENGTH

    @classmethod
    def identity(cls, heads: Sequence[str]) -> HeadReference:
        """Mean 0.5 and deviation 0.25: what a score in [0, 1] is taken for before the reference policy has spoken."""
        return cls(tuple(heads), np.full(len(heads), 0.5), np.full(len(heads), 0.25))

    @classmethod
    def measure(cls, heads: Sequence[str], scores: np.ndarray, words: np.ndarray) -> HeadReference:
        """From the reference policy's scores of these heads, (turns, heads), and its replies' words, (turns,).

        A head's deviation is at least 0.01, that of the words at least 1.
        """
        length = float(words.mean()), max(1.0, float(words.std()))
        return cls(tuple(heads), scores.mean(axis=0), np.maximum(scores.std(axis=0), 0.01), length)

    def of(self, heads: Sequence[str]) -> HeadReference:
        """The reference with the columns of these heads, in their order.

        Raises:
            ModelError: it knows one of them not.
        """
        unknown = [head for head in heads if head not in self.heads]
        if unknown:
            raise ModelError(
                f"the head reference knows no {', '.join(unknown)}; it knows {', '.join(self.heads)}. "
                "Run the calibration again"
            )
        columns = [self.heads.index(head) for head in heads]
        return HeadReference(tuple(heads), self.mean[columns], self.std[columns], self.length)

    @classmethod
    def load(cls, path: Path) -> HeadReference:
        """Read what ``save`` wrote.

        Raises:
            DataError: the file is not of that form, a mean is not finite or a deviation not positive.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            heads = tuple(name for name in record if name != LENGTH)
            mean, std = (
                np.array([record[name][key] for name in (*heads, LENGTH)], dtype=float) for key in ("mean", "std")
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no head reference: {error!r}", file=path, remedy="Run the calibration again.") from error
        if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
            raise DataError(
                "means must be finite and deviations positive", file=path, remedy="Run the calibration again."
            )
        return cls(heads, mean[:-1], std[:-1], (float(mean[-1]), float(std[-1])))

    def save(self, path: Path) -> None:
        """Write ``{head: {"mean", "std"}}`` and the same of ``length``, atomically."""
        columns = zip(self.heads, self.mean, self.std, strict=True)
        record = {head: {"mean": float(mean), "std": float(std)} for head, mean, std in columns}
        write_json(path, record | {LENGTH: dict(zip(("mean", "std"), self.length, strict=True))})


class RewardShaper:
    """Turns head scores and facts of a reply into named parts; a turn's reward is their sum."""

    def __init__(self, settings: RewardSettings, reference: HeadReference | None = None) -> None:
        """Keep weights, penalties and the reference that normalises; by default ``HeadReference.identity``.

        Raises:
            ConfigError: no reward source of the name that ``settings`` give.
        """
        self._settings, self._reference = settings, reference
        self._inputs = RewardInputs(settings, _USUAL_LENGTH if reference is None else reference.length)
        self._source = build(REWARD_SOURCES, settings.source, RewardSource, self._inputs)

    def heads(self, scores: HeadScores) -> np.ndarray:
        """What each head pays: weighted, capped, normalised scores, shape (N, heads).

        Raises:
            ModelError: the scores are not finite (a judge that fails gives no score), lack a head that has a weight, or
                have one that the reference does not know; a spread is charged for that nothing measured.
        """
        settings, heads = self._settings, scores.heads
        if not np.isfinite(scores.mean).all() or np.isinf(scores.spread).any():
            raise ModelError("the reward model gave a score that is not finite; no reward can be made of it")
        missing = [head for head, weight in settings.weights.items() if weight and head not in heads]
        if missing:
            raise ModelError(
                f"reward.weights names {', '.join(missing)}; the reward model scores {', '.join(heads)}. "
                "Leave out what it does not score"
            )
        unmeasured = [head for column, head in enumerate(heads) if np.isnan(scores.spread[:, column]).any()]
        charged = [head for head in unmeasured if settings.weight(head)]
        if settings.spread_penalty and charged:
            raise ModelError(
                f"reward.spread_penalty charges for the spread of {', '.join(charged)}, which no validation label "
                "measured. Label validation dialogues, or set reward.spread_penalty=0"
            )
        reference = HeadReference.identity(heads) if self._reference is None else self._reference.of(heads)
        signs = np.array([-1.0 if head in scores.lower else 1.0 for head in heads])
        cautious = signs * scores.mean - settings.spread_penalty * np.nan_to_num(scores.spread)
        deviations = (cautious - signs * reference.mean) / reference.std
        return np.array([settings.weight(head) for head in heads]) * np.minimum(settings.cap, deviations)

    def pay(self, replies: Sequence[JudgedReply]) -> list[Mapping[str, float]]:
        """What the reward source pays for each of N replies, by name.

        Raises:
            ModelError: it pays for another number of replies, something that is not finite, or under the name of one of
                ``RULES``.
        """
        paid, name = list(self._source.pay(replies)), self._settings.source
        if len(paid) != len(replies):
            raise ModelError(f"the reward source {name} paid for {len(paid)} of {len(replies)} replies")
        for each in paid:
            if taken := sorted(set(each) & set(RULES)):
                raise ModelError(f"the reward source {name} pays {', '.join(taken)}, which are parts of every reward")
            if bad := sorted(part for part, value in each.items() if not np.isfinite(value)):
                raise ModelError(f"the reward source {name} paid no finite number for {', '.join(bad)}")
        return paid

    def parts(
        self,
        paid: Mapping[str, float],
        reply: str,
        earlier: Sequence[str],
        *,
        cut: bool,
        stripped: int,
        accepted: bool,
    ) -> dict[str, float]:
        """The named parts of one turn's reward.

        Args:
            paid: what the reward source pays, by name.
            reply: the cleaned reply.
            earlier: the recommender's turns before it.
            cut: the reply stopped at its limit, before its end.
            stripped: number of markers and titles that were removed from it.
            accepted: the seeker accepted a film.

        Returns:
            ``paid`` and ``RULES``.
        """
        settings = self._settings
        rules = (
            -settings.missing_end * cut,
            -settings.repetition * repetition([reply], earlier),
            -settings.verbosity * max(0.0, self._inputs.longer(reply)),
            -settings.markup * (stripped > 0),
            settings.acceptance * accepted,
            -settings.turns,
        )
        parts = {**paid, **dict(zip(RULES, rules, strict=True))}
        return {name: float(value) + 0.0 for name, value in parts.items()}  # no -0.0
