"""Simulate evaluations whose true difference is known, and count how often the reported interval holds it.

    python -m tests.ecr_rl.evaluation.known_truth

prints the tables of docs/results.md. A conversation's score is the sum of what its dialogue, its run's training seed,
both together and the conversation itself add. All but the interval is drawn here; the interval is the project's own
function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecr_rl.evaluation.bootstrap import Deviation, InDeviations, Interval, Ratio, Statistic, draw
from ecr_rl.evaluation.conversations.over_runs import difference_over_runs

NORMAL, SKEWED, HEAVY = "normal", "skewed", "heavy-tailed"
_SHAPES: dict[str, Callable[[np.random.Generator, Sequence[int]], np.ndarray]] = {
    NORMAL: lambda rng, size: rng.normal(size=size),
    SKEWED: lambda rng, size: rng.exponential(size=size) - 1,
    HEAVY: lambda rng, size: rng.standard_t(5, size=size) / np.sqrt(5 / 3),
}
"""Draws of mean 0 and deviation 1."""


@dataclass(frozen=True)
class Truth:
    """Deviations of what makes a score; a conversation of the baseline has deviation 1.

    Attributes:
        seeds: of a training seed's gain.
        dialogues: of a dialogue's gain, the same in every run.
        both: of a dialogue's gain under one seed.
        gain: the mean gain over seeds and dialogues.
        shape: of everything that differs by dialogue.
        n: dialogues.
        repeats: conversations on each.
    """

    seeds: float
    dialogues: float = 0.5
    both: float = 0.3
    gain: float = 0.5
    shape: str = NORMAL
    n: int = 200
    repeats: int = 2

    def runs(self, rng: np.random.Generator, runs: int) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
        """Baseline's and trained policy's scores (n, repeats) of each run, and each run's true gain (runs,)."""
        shaped = _SHAPES[self.shape]
        half = np.sqrt(0.5)
        level, gains = half * shaped(rng, (self.n, 1)), self.dialogues * shaped(rng, (self.n, 1))
        true = self.gain + self.seeds * rng.normal(size=runs)
        systems = []
        for gain in true:
            baseline, rl = (level + half * rng.normal(size=(self.n, self.repeats)) for _ in range(2))
            systems.append((baseline, rl + gain + gains + self.both * shaped(rng, (self.n, 1))))
        return systems, true


def plain(baseline: np.ndarray, rl: np.ndarray) -> tuple[Statistic, Statistic]:
    """The two mean scores, in their own unit."""
    ones = np.ones(len(baseline))
    return Ratio(baseline.mean(1), ones), Ratio(rl.mean(1), ones)


def in_deviations(baseline: np.ndarray, rl: np.ndarray) -> tuple[Statistic, Statistic]:
    """The two mean scores in deviations of the baseline's conversations, which are estimated: the true one is 1."""
    first, second = plain(baseline - baseline.mean(), rl - baseline.mean())
    unit = Deviation.of(baseline.tolist())
    return InDeviations(first, unit), InDeviations(second, unit)


def with_fixed_unit(baseline: np.ndarray, rl: np.ndarray) -> tuple[Statistic, Statistic]:
    """The same with the estimated unit held fixed."""
    return plain(baseline / baseline.std(), rl / baseline.std())


def coverage(
    truth: Truth,
    runs: int,
    evaluations: int,
    seed: int,
    statistics: Callable[[np.ndarray, np.ndarray], tuple[Statistic, Statistic]] = plain,
    resamples: int = 1000,
) -> float:
    """The share of simulated evaluations whose interval holds the true gain: with one run, that of this run."""
    rng = np.random.default_rng([seed, runs])
    counts_BN = draw(truth.n, resamples, seed)
    held = 0
    for _ in range(evaluations):
        systems, true = truth.runs(rng, runs)
        found = difference_over_runs([statistics(*each) for each in systems], counts_BN)
        held += _holds(found, true[0] if runs == 1 else truth.gain)
    return held / evaluations


def _holds(found: Interval | None, value: float) -> bool:
    return found is not None and found.low <= value <= found.high


def main() -> None:
    """Print both tables."""
    print("| seeds | " + " | ".join(f"SD of seeds {each:g}" for each in _SPREADS) + " |")
    for shape in (NORMAL, SKEWED, HEAVY):
        for runs in (1, 2, 3, 5):
            truths = [Truth(each, shape=shape) for each in _SPREADS]
            cells = [f"{coverage(truth, runs, 4000, 1):.3f}" for truth in truths]
            print(f"| {runs}, {shape} | {' | '.join(cells)} |", flush=True)
    for statistics in (in_deviations, with_fixed_unit):
        for shape in (NORMAL, SKEWED):
            truths = [replace(Truth(0, shape=shape), gain=each) for each in _GAINS]
            cells = [f"{coverage(truth, 1, 2000, 1, statistics):.3f}" for truth in truths]
            print(f"| {statistics.__name__}, {shape} | {' | '.join(cells)} |", flush=True)


_SPREADS = (0.0, 0.03, 0.1, 0.3)
_GAINS = (0.0, 0.5, 1.0, 2.0)

if __name__ == "__main__":
    main()
