"""Figures of a judge's answers: axes of both systems, preferences, agreement with other judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecr_rl.evaluation.bootstrap import Ratio, interval, paired
from ecr_rl.evaluation.conversations.comparison import Section, Systems
from ecr_rl.evaluation.language_judge.forms import FIRST, SECOND
from ecr_rl.evaluation.language_judge.kappa import Kappa
from ecr_rl.evaluation.language_judge.models import JudgeAnswer
from ecr_rl.evaluation.language_judge.result import Beside, Judgement, Preference, Verdict
from ecr_rl.labels.storage.merging import weighted_kappa

RL, BASELINE, EQUAL = "rl", "baseline", "tie"
KINDS = (RL, BASELINE, EQUAL)
HIGHEST = 9.0
"""Of the axes' scale, which begins at 0."""


@dataclass(frozen=True)
class Orders:
    """The answers on one dialogue: with rl shown first, and with the baseline shown first; None without an answer.

    Attributes:
        same: both conversations have the same words, so that nobody was asked.
    """

    rl_first: JudgeAnswer | None
    baseline_first: JudgeAnswer | None
    same: bool = False

    @property
    def said(self) -> tuple[str | None, str | None]:
        """What each order prefers; None where nobody answered, or was asked."""
        return _preferred(self.rl_first, (RL, BASELINE)), _preferred(self.baseline_first, (BASELINE, RL))

    @property
    def outcome(self) -> str | None:
        """What both orders say alike, else a tie, as for the same words; None where an order has no answer."""
        if self.same:
            return EQUAL
        first, second = self.said
        if first is None or second is None:
            return None
        return first if first == second else EQUAL

    @property
    def points(self) -> float | None:
        """Rl's share of the chances, the mean over both orders; a tie gives each system half."""
        if self.same:
            return 0.5
        if self.rl_first is None or self.baseline_first is None:
            return None
        first, second = self.rl_first.chances[0], self.baseline_first.chances[0]
        # P(tie) is what the other two leave; written so, an equal bias for a place leaves exactly a half
        return 0.5 + ((first[FIRST] - first[SECOND]) - (second[FIRST] - second[SECOND])) / 4


def _preferred(answer: JudgeAnswer | None, shown: tuple[str, str]) -> str | None:
    """The system that an answer prefers, of the two in the order in which they were shown."""
    return None if answer is None else (*shown, EQUAL)[int(np.argmax(answer.chances[0]))]


def axes_figures(
    names: Sequence[str], baseline: Sequence[Sequence[float]], rl: Sequence[Sequence[float]], counts_BN: np.ndarray
) -> Section:
    """Means of both systems over N dialogues.

    Args:
        names: of the axes.
        baseline: (N, axes); NaN without an answer.
        rl: the same.
        counts_BN: how often each of B resamples draws each dialogue.
    """
    parts = {
        name: paired(_mean([row[axis] for row in baseline]), _mean([row[axis] for row in rl]), counts_BN)
        for axis, name in enumerate(names)
    }
    first, second, difference = ({name: three[part] for name, three in parts.items()} for part in range(3))
    return Section(Systems(first, second), difference)


def _mean(values: Sequence[float]) -> Ratio:
    """The mean of N values; those that are NaN have no data."""
    numbers = np.array(values, dtype=np.float64)
    known = np.isfinite(numbers)
    return Ratio(np.where(known, numbers, 0.0), known.astype(float))


def preference_figures(verdicts: Sequence[Verdict], same: int, counts_BN: np.ndarray) -> Preference:
    """How often each system is preferred.

    Args:
        verdicts: of N dialogues.
        same: how many of them have equal texts.
        counts_BN: how often each of B resamples draws each dialogue.
    """
    outcomes = [verdict.outcome for verdict in verdicts]
    points = [np.nan if each.points is None else each.points for each in verdicts]

    def share(worth: dict[str, float]) -> Ratio:
        return _mean([np.nan if outcome is None else worth.get(outcome, 0.0) for outcome in outcomes])

    orders = Kappa.of([each.first for each in verdicts], [each.second for each in verdicts], KINDS)
    return Preference(
        n=sum(outcome is not None for outcome in outcomes),
        same=same,
        wins=interval(share({RL: 1.0}), counts_BN),
        ties=interval(share({EQUAL: 1.0}), counts_BN),
        losses=interval(share({BASELINE: 1.0}), counts_BN),
        win_rate=interval(share({RL: 1.0, EQUAL: 0.5}), counts_BN),
        points=interval(_mean(points), counts_BN),
        leaning=interval(_mean([(np.sign(round(each - 0.5, 9)) + 1) / 2 for each in points]), counts_BN),
        kappa=interval(orders, counts_BN),
        first_shown=interval(_first_shown(verdicts), counts_BN),
    )


def _first_shown(verdicts: Sequence[Verdict]) -> Ratio:
    """Among answers that are no tie those for whoever was shown first."""
    for_first = [(each.first == RL) + (each.second == BASELINE) for each in verdicts]
    decided = [(each.first in (RL, BASELINE)) + (each.second in (RL, BASELINE)) for each in verdicts]
    return Ratio(np.array(for_first, dtype=np.float64), np.array(decided, dtype=np.float64))


def beside(mine: Sequence[Verdict], other: Judgement, counts_BN: np.ndarray) -> Beside:
    """How two judges of the same conversations agree.

    Args:
        mine: verdicts of N dialogues.
        other: what the other judge said.
        counts_BN: how often each of B resamples draws each of the N dialogues.
    """
    theirs = {verdict.index: verdict for verdict in other.verdicts}
    matched = [theirs.get(verdict.index) for verdict in mine]
    kappa = Kappa.of(
        [verdict.outcome for verdict in mine], [None if each is None else each.outcome for each in matched], KINDS
    )
    pairs = [(v, t) for v, t in zip(mine, matched, strict=True) if t is not None]
    scores = [(v.overall_baseline, t.overall_baseline) for v, t in pairs] + [
        (v.overall_rl, t.overall_rl) for v, t in pairs
    ]
    known = np.array([score for score in scores if None not in score], dtype=np.float64).reshape(-1, 2) / HIGHEST
    return Beside(
        judge=other.name,
        n=int(kappa.present.sum()),
        preference=interval(kappa, counts_BN),
        replies=len(known),
        overall=weighted_kappa(known[:, 0], known[:, 1]),
    )
