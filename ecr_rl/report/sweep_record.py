"""What a sweep found, in the form that it has in ``sweep.json``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ecr_rl.evaluation.conversations.over_runs import RunsComparison
from envs.json_record import JsonRecord


@dataclass(frozen=True, slots=True)
class TrialFigures:
    """Figures of a trial; None where it came to none.

    Attributes:
        kl: of the policy that it keeps to the supervised one, nats a token.
        dist2: distinct word bigrams of that policy's replies over all.
        iteration: that the policy stands after.
        start_score: the selecting evaluator's score of the supervised policy.
        reward_mean: of the last iteration.
        length_words: words a reply, of the last iteration.
        score: the selecting evaluator's of that policy.
        violates: names of the constraints that it does not satisfy.
    """

    kl: float | None = None
    dist2: float | None = None
    iteration: int | None = None
    start_score: float | None = None
    reward_mean: float | None = None
    length_words: float | None = None
    score: float | None = None
    violates: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrialRecord(JsonRecord):
    """What a trial came to.

    Attributes:
        trial: Tune's name of it.
        objective: the selecting evaluator's score of the policy that it keeps, or below 0 where that policy violates a
            constraint (``ecr_rl.training.constraints.rank``); None where the trial failed or trained none to score.
        status: ``finished``, ``stopped`` or ``failed``.
        iterations: that it ran.
        seconds: it took.
        error: why it failed.
        config: its settings by ``section.key``, weights by name: ``reward.weights.empathy``.
        figures: of the policy that it keeps and of its last iteration.
    """

    trial: str
    objective: float | None
    status: str
    iterations: int
    seconds: float
    error: str | None
    config: dict[str, Any]
    figures: TrialFigures


@dataclass(frozen=True, slots=True)
class ScoredTrial:
    """A trial that has an objective.

    Attributes:
        record: the trial.
        objective: the selecting evaluator's score of the policy that it keeps, or below 0 (``TrialRecord``).
        kl: of that policy to the supervised one, nats a token.
        dist2: of that policy's replies.
        start_score: the selecting evaluator's score of the supervised policy.
    """

    record: TrialRecord
    objective: float
    kl: float
    dist2: float
    start_score: float

    @classmethod
    def of(cls, trial: TrialRecord) -> Self | None:
        """The trial, where it has an objective."""
        figures = trial.figures
        objective, kl, dist2, start_score = trial.objective, figures.kl, figures.dist2, figures.start_score
        if objective is None or kl is None or dist2 is None or start_score is None:
            return None
        return cls(trial, objective, kl, dist2, start_score)

    @property
    def satisfies(self) -> bool:
        """Whether its policy satisfies every constraint."""
        return not self.record.figures.violates

    def setting(self, key: str) -> float:
        """A setting of the trial that is a number."""
        return float(self.record.config[key])


@dataclass(frozen=True, slots=True)
class Winner(TrialRecord):
    """The best trial.

    Attributes:
        finals: trainings of its settings under seeds that the search did not use.
    """

    finals: list[TrialRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EqualWeights:
    """The winner's settings with equal weights.

    Attributes:
        config: as of a trial.
        finals: trainings under the same seeds as the winner's.
    """

    config: dict[str, Any]
    finals: list[TrialRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CandidateComparison(RunsComparison):
    """Winner against equal weights on the test dialogues, over training seeds; ``difference`` is winner - equal.

    Attributes:
        width: of the interval of ``held_out_overall``; None without data, as the next.
        smallest_effect: that four of five such comparisons would find.
        beats: whether that interval lies above 0.
    """

    width: float | None
    smallest_effect: float | None
    beats: bool


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long the two parts of a sweep took."""

    search: float
    finals: float


@dataclass(frozen=True, slots=True)
class SweepRecord(JsonRecord):
    """What a sweep found.

    Attributes:
        name: the sweep's.
        trials: of the search.
        winner: the best of them.
        equal_weights: what it is compared with.
        comparison: of the two; None where they were not trained again.
        seconds: how long it took.
    """

    name: str
    trials: list[TrialRecord]
    winner: Winner
    equal_weights: EqualWeights
    comparison: CandidateComparison | None
    seconds: Seconds

    @property
    def scored(self) -> list[ScoredTrial]:
        """The trials that have an objective, in their order."""
        return [trial for each in self.trials if (trial := ScoredTrial.of(each)) is not None]

    @property
    def best_first(self) -> list[TrialRecord]:
        """The trials by falling objective; those without one last."""
        return sorted(self.trials, key=lambda trial: math.inf if trial.objective is None else -trial.objective)


def read_sweep(file: Path) -> SweepRecord:
    """What ``sweep.json`` says.

    Raises:
        DataError: no such file, or it is something else.
    """
    return SweepRecord.read(file, remedy="Run the sweep to its end with --resume: it writes the file")
