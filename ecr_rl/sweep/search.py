"""Run the search, by Ray Tune over ``SweepTrial``, and the final trainings of its winner."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import (
    Callback,
    CheckpointConfig,
    ExperimentAnalysis,
    FailureConfig,
    Result,
    RunConfig,
    TuneConfig,
    Tuner,
)
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, PopulationBasedTraining, TrialScheduler
from ray.tune.search import BasicVariantGenerator, Searcher

from ecr_rl.overrides import flat
from ecr_rl.report.sweep_record import TrialFigures, TrialRecord
from ecr_rl.sweep.axes import grid_size
from ecr_rl.sweep.settings import SweepSettings
from ecr_rl.sweep.space import mutations, tune_space, values_of
from ecr_rl.sweep.trial import (
    JOB,
    NAME,
    OBJECTIVE,
    PLAN,
    SEED,
    SETTINGS,
    VALUES,
    VIOLATES,
    SweepTrial,
    TrialPlan,
    trial_resources,
)
from envs.errors import ConfigError, RunError
from envs.marks import further_seed
from envs.progress import OnStep

SEARCH, FINALS = "search", "finals"
"""Folders of Tune's experiments, inside the sweep's folder."""
FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
"""How a trial ended: all iterations; ended early by the scheduler; an error."""


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial.

    Attributes:
        trial: its name in Tune.
        values: the settings under which its kept policy was trained, by ``section.key``.
        objective: the selecting evaluator's score of that policy, or below 0 if it violates a constraint; None if the
            trial failed or scored no trained policy.
        status: ``finished``, ``stopped`` or ``failed``.
        iterations: the number of iterations that it ran.
        figures: figures of that policy and of the last iteration.
        seconds: its duration.
        checkpoint: its last checkpoint; None if it has none.
        error: why it failed.
    """

    trial: str
    values: Mapping[str, Any]
    objective: float | None
    status: str
    iterations: int
    figures: TrialFigures
    seconds: float
    checkpoint: tune.Checkpoint | None = None
    error: str | None = None

    @property
    def record(self) -> TrialRecord:
        """The result as it stands in ``sweep.json``."""
        return TrialRecord(
            trial=self.trial,
            objective=self.objective,
            status=self.status,
            iterations=self.iterations,
            seconds=self.seconds,
            error=self.error,
            config=self.config,
            figures=self.figures,
        )

    @property
    def config(self) -> dict[str, Any]:
        """The settings as a flat mapping, with keys such as ``reward.weights.empathy``."""
        return flat(self.values)


def search(plan: TrialPlan, folder: Path, on_step: OnStep) -> list[TrialResult]:
    """Run the sweep's trials, except those that already finished in ``folder``.

    Args:
        plan: shared by all trials.
        folder: where Tune's experiment ``search`` goes.
        on_step: called with the iterations done by all trials together.
    """
    sweep, iterations = plan.sweep, plan.config.ppo.iterations
    count = trial_count(sweep)
    config = TuneConfig(
        metric=OBJECTIVE,
        mode="max",
        num_samples=1 if sweep.search.sampler == "grid" else count,
        search_alg=sampler_of(sweep),
        scheduler=scheduler_of(sweep, iterations),
        max_concurrent_trials=sweep.search.at_once or None,
    )
    results = _fit(plan, tune_space(sweep), config, folder / SEARCH, count * iterations, on_step)
    return [trial_result(each, values_of(drawn, sweep), iterations) for each, drawn in results]


def train_finals(
    plan: TrialPlan, candidates: Mapping[str, Mapping[str, Any]], folder: Path, on_step: OnStep
) -> dict[str, list[TrialResult]]:
    """Train each candidate under each final seed; their last checkpoints hold their test conversations.

    Args:
        plan: shared by all trainings.
        candidates: by name, the candidate's settings by ``section.key``.
        folder: where Tune's experiment ``finals`` goes.
        on_step: called with the iterations done by all trainings together.

    Returns:
        For each candidate its trainings in the order of the seeds.

    Raises:
        RunError: a training failed.
    """
    iterations = plan.config.ppo.iterations
    seeds = [further_seed(plan.config.seed, step + 1) for step in range(plan.sweep.final.seeds)]
    jobs = [{NAME: name, SEED: seed, VALUES: dict(candidates[name])} for seed in seeds for name in candidates]
    config = TuneConfig(metric=OBJECTIVE, mode="max", max_concurrent_trials=plan.sweep.search.at_once or None)
    results = _fit(plan, {JOB: tune.grid_search(jobs)}, config, folder / FINALS, len(jobs) * iterations, on_step)
    trained: dict[tuple[str, int], TrialResult] = {}
    for each, drawn in results:
        job = drawn[JOB]
        result = trained[job[NAME], job[SEED]] = trial_result(each, job[VALUES], iterations)
        if result.status == FAILED:
            raise RunError(f"the final training of {job[NAME]} with seed {job[SEED]} failed: {result.error}")
    return {name: [trained[name, seed] for seed in seeds] for name in candidates}


def trial_count(sweep: SweepSettings) -> int:
    """The number of trials of the search: as set, or the number of a grid's combinations."""
    if sweep.search.sampler != "grid":
        return sweep.search.trials
    return math.prod(map(grid_size, sweep.space.values()))


_listeners: list[OnStep] = []
"""The present receivers of progress. They are kept here since Tune pickles its callbacks, and they can't be pickled."""


class _Progress(Callback):
    """Reports the iterations of all trials together."""

    def __init__(self, total: int) -> None:
        self._total = total

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        """Tune calls this with every result of a trial."""
        results = [each.last_result for each in trials if each.last_result]
        done = sum(result.get("training_iteration", 0) for result in results)
        best = max((result[OBJECTIVE] for result in results if result.get("kept_iteration")), default=math.nan)
        for tell in _listeners:
            tell(min(self._total, done), self._total, {"best_objective": best})


class TrialSettings(Callback):
    """Makes TensorBoard's hyperparameters show a trial's settings in place of the raw draws.

    It changes ``Trial.evaluated_params``, which Tune's own logger writes later, at a trial's end.
    """

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        """Tune calls this with every result of a trial."""
        name = {NAME: trial.config[JOB][NAME]} if JOB in trial.config else {}
        trial.evaluated_params = name | flat(json.loads(result[SETTINGS]))


@contextmanager
def _listening(on_step: OnStep, total: int) -> Iterator[None]:
    on_step(0, total, {})
    _listeners.append(on_step)
    try:
        yield
    finally:
        _listeners.remove(on_step)
    on_step(total, total, {})


def _fit(
    plan: TrialPlan, drawn: Mapping[str, Any], config: TuneConfig, folder: Path, total: int, on_step: OnStep
) -> list[tuple[Result, dict[str, Any]]]:
    """Run or resume a Tune experiment in a folder; return each result with its trial's config."""
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the new output ignores verbose=0
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"  # trials inherit it: relative paths are the driver's
    # Tune's state names the checkpoint from which a trial resumes. The state is written often, and the checkpoint
    # before the last is kept, so that a killed sweep finds it.
    os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1")
    failures, every = plan.sweep.search.failures, plan.config.ppo.checkpoint_every
    # A trial may take over an older checkpoint of a trial that has continued since.
    kept = None if isinstance(config.scheduler, PopulationBasedTraining) else 2
    space = {**drawn, PLAN: ray.put(plan)}
    trainable = tune.with_resources(SweepTrial, trial_resources(plan.config.resources))
    # A search that was killed before its first trial left a file that cannot be read.
    if Tuner.can_restore(str(folder)) and any(folder.glob("experiment_state-*.json")):
        tuner = Tuner.restore(str(folder), trainable, resume_unfinished=True, resume_errored=True, param_space=space)
    else:
        run = RunConfig(
            name=folder.name,
            storage_path=str(folder.parent.absolute()),
            stop={"training_iteration": plan.config.ppo.iterations},
            checkpoint_config=CheckpointConfig(num_to_keep=kept, checkpoint_frequency=every, checkpoint_at_end=True),
            failure_config=FailureConfig(max_failures=failures),
            callbacks=[_Progress(total), TrialSettings()],
            verbose=0,
        )
        tuner = Tuner(trainable, param_space=space, tune_config=config, run_config=run)
    with _listening(on_step, total):
        results = tuner.fit()
    # The config comes from the experiment's state: a trial that failed at its start left no file of it.
    trials = ExperimentAnalysis(results.experiment_path).trials
    if not all(trial.is_finished() for trial in trials):
        raise KeyboardInterrupt  # Tune stops on an interrupt, but does not pass it on
    configs = {trial.path: trial.config for trial in trials}
    return [(each, configs[each.path]) for each in results]


def sampler_of(sweep: SweepSettings) -> Searcher | BasicVariantGenerator:
    """Tune's search algorithm, which draws the trials.

    Raises:
        ConfigError: the settings name Optuna, and it is not installed.
    """
    if sweep.search.sampler != "optuna":
        return BasicVariantGenerator(random_state=sweep.search.seed)
    try:
        from ray.tune.search.optuna import OptunaSearch

        return OptunaSearch(metric=OBJECTIVE, mode="max", seed=sweep.search.seed)
    except ImportError as error:
        raise ConfigError("search.sampler=optuna needs Optuna: pip install 'ecr-rl[optuna]'") from error


def scheduler_of(sweep: SweepSettings, iterations: int) -> TrialScheduler:
    """Tune's scheduler, which ends trials early or changes them; ``iterations`` is the length of a whole trial."""
    wanted = sweep.scheduler
    if wanted.kind == "asha":
        grace = min(wanted.grace, iterations)
        return ASHAScheduler(max_t=iterations, grace_period=grace, reduction_factor=wanted.reduction)
    if wanted.kind == "pbt":
        return PopulationBasedTraining(
            time_attr="training_iteration",
            perturbation_interval=wanted.interval,
            hyperparam_mutations=mutations(sweep),
        )
    return FIFOScheduler()


def trial_result(results: Result, values: Mapping[str, Any], iterations: int) -> TrialResult:
    """Convert Tune's result of a trial.

    Args:
        results: Tune's result.
        values: the trial's settings; used if the result has no settings of a kept policy.
        iterations: the number of iterations of a whole trial.
    """
    metrics = results.metrics or {}
    done = int(metrics.get("training_iteration", 0))
    status = FAILED if results.error is not None else FINISHED if done >= iterations else STOPPED
    return TrialResult(
        trial=str(metrics.get("trial_id", Path(results.path).name)),
        values=json.loads(metrics[SETTINGS]) if SETTINGS in metrics else values,
        # Until a trained policy is scored, the objective is the supervised policy's score.
        objective=metrics[OBJECTIVE] if status != FAILED and metrics.get("kept_iteration") else None,
        status=status,
        iterations=done,
        figures=TrialFigures(
            score=metrics.get("kept_score"),
            violates=metrics.get(VIOLATES, "").split(),
            kl=metrics.get("kept_kl"),
            dist2=metrics.get("kept_dist2"),
            iteration=metrics.get("kept_iteration"),
            start_score=metrics.get("start_score"),
            reward_mean=metrics.get("reward_mean"),
            length_words=metrics.get("length_words"),
        ),
        seconds=round(float(metrics.get("time_total_s", 0.0)), 1),
        checkpoint=results.checkpoint,
        error=None if results.error is None else " ".join(str(results.error).split())[-500:],
    )
