"""Run a sweep from its settings to its report: train the parts, search, train the finals, compare.

config.yaml  sweep.yaml    the base run's settings; the sweep's      status.json, metrics.jsonl   as of a run
search/  finals/           Ray Tune's experiments, with TensorBoard's events of each trial
sweep.json  trials.csv     the results                               report/index.html            a readable report
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ecr_rl.config import RunConfig, with_given
from ecr_rl.evaluation.conversations.held_out import Played
from ecr_rl.evaluation.conversations.over_runs import compare_runs
from ecr_rl.evaluation.conversations.records import read_records
from ecr_rl.overrides import differences, flat
from ecr_rl.pipeline import Pipeline
from ecr_rl.ray_instance import ray_instance
from ecr_rl.report.sweep_record import CandidateComparison, EqualWeights, Seconds, SweepRecord, Winner
from ecr_rl.runs.folder import RunFolder
from ecr_rl.settings_file import read_mapping
from ecr_rl.sweep.search import TrialResult, search, train_finals, trial_count
from ecr_rl.sweep.settings import SweepSettings
from ecr_rl.sweep.space import equal_weights
from ecr_rl.sweep.trial import FAILURES, RECORDS, TrialPlan, trial_resources
from ecr_rl.training.ppo import REFERENCE, calibrate, shipped_files_of
from ecr_rl.training.preconditions import check_preconditions, refuse_unknown, without_labels
from ecr_rl.yaml_text import write_yaml
from envs.errors import ModelError, RunError
from envs.files import write_json, write_text
from envs.progress import OnStep

SWEEP, RESULT, TABLE = "sweep.yaml", "sweep.json", "trials.csv"
WINNER, EQUAL = "winner", "equal_weights"
"""The two candidates of the final trainings."""
POWER = 2.8
"""The smallest effect, in standard errors, that a two-sided 5 % test finds with a power of 80 %: 1.96 + .84."""
_JUDGED = "held_out_overall"
WEIGHTS = "reward.weights"
"""The setting under which trials draw heads' weights."""
_SYNC = 60.0
"""Seconds between two copies of a sweep's folder to its mirror."""


def run_sweep(sweep: SweepSettings, config: RunConfig, out: Path, resume: bool = False) -> SweepRecord:
    """Run a sweep in its own folder, or resume one that was interrupted.

    Args:
        sweep: the sweep's settings.
        config: the base run's settings (``SweepSettings.run_config``).
        out: the folder.
        resume: continue a folder that exists; finished trials are not run again.

    Returns:
        The content of ``sweep.json``.

    Raises:
        RunError: the folder holds another sweep, or one with other settings; no trial has an objective; a final
            training failed.
        ClusterError: the cluster does not answer; this machine does not have the resources for a trial.
        ConfigError: a head that trials pay for has no label.
    """
    paid = paid_by_trials(sweep, config)
    check_preconditions(config, paid)
    with RunFolder.create(out, config, resume, "sweep") as run:
        _keep_settings(sweep, run.path / SWEEP)
        artefacts = Pipeline(config, run).artefacts()
        refuse_unknown(paid, without_labels(artefacts.critic), f"the critic in {artefacts.critic}")
        reference = run.path / REFERENCE
        if not reference.is_file():
            # Of the weights, calibration needs only that they name what the critic scores.
            weighed = with_given(config, "reward", weights=dict.fromkeys(paid, 1.0))
            calibrate(weighed, artefacts, reference)
        with ray_instance(config.resources, trial_resources(config.resources).required_resources):
            shipped_files = shipped_files_of(config, artefacts, reference)
            plan = TrialPlan(
                config, sweep, artefacts, reference.absolute(), shipped_files, (run.path / "dump").absolute()
            )
            iterations = config.ppo.iterations
            run.rewind("search", -1)
            with run.stage("search", trial_count(sweep) * iterations) as stage:
                trials = search(plan, run.path, _mirrored(run, stage.update))
            winner = best_trial(trials)
            equal = equal_weights(winner.values, sweep)
            result = SweepRecord(
                name=sweep.name,
                trials=[trial.record for trial in trials],
                winner=Winner.extending(winner.record),
                equal_weights=EqualWeights(flat(equal)),
                comparison=None,
                seconds=Seconds(search=run.seconds("search"), finals=0.0),
            )
            write_json(run.path / RESULT, result.to_json())
            write_text(run.path / TABLE, trials_csv(trials))
            if sweep.final.seeds:
                run.rewind("finals", -1)
                with run.stage("finals", 2 * sweep.final.seeds * iterations) as stage:
                    candidates = {WINNER: winner.values, EQUAL: equal}
                    finals = train_finals(plan, candidates, run.path, _mirrored(run, stage.update))
                result = replace(
                    result,
                    winner=replace(result.winner, finals=[training.record for training in finals[WINNER]]),
                    equal_weights=replace(result.equal_weights, finals=[training.record for training in finals[EQUAL]]),
                    comparison=compare_candidates(finals, config),
                    seconds=replace(result.seconds, finals=run.seconds("finals")),
                )
                write_json(run.path / RESULT, result.to_json())
        from ecr_rl.report.sweep_report import write_sweep_report

        run.rewind("report", 0)
        with run.stage("report", 1) as stage:
            write_sweep_report(run.path)
            stage.update(1, 1, {})
    return result


def paid_by_trials(sweep: SweepSettings, config: RunConfig) -> list[str]:
    """The heads that trials may pay for: those whose weights they draw, and those of the base run that stay."""
    weights = config.reward.weights
    heads = [] if WEIGHTS in sweep.space else [head for head, weight in weights.items() if weight]
    for key, axis in sweep.space.items():
        if key == WEIGHTS:
            choices = [choice for choice in axis.choices or () if isinstance(choice, Mapping)]
            heads += [*(axis.simplex or ()), *(head for choice in choices for head in choice if choice[head])]
        elif key.startswith(f"{WEIGHTS}."):
            heads.append(key.removeprefix(f"{WEIGHTS}."))
    return list(dict.fromkeys(heads))


def _mirrored(run: RunFolder, on_step: OnStep) -> OnStep:
    """Wrap ``on_step`` so that it also sends changes to the run's mirror, at most every ``_SYNC`` seconds."""
    last = time.monotonic()

    def step(done: int, total: int, figures: Mapping[str, float]) -> None:
        nonlocal last
        on_step(done, total, figures)
        if time.monotonic() - last > _SYNC:
            run.sync()
            last = time.monotonic()

    return step


def best_trial(trials: Sequence[TrialResult]) -> TrialResult:
    """The trial with the highest objective, the earliest among equals; a trial that was ended early may win.

    A trial whose policy violates a constraint wins only if every trial's does: its objective is below 0.

    Raises:
        RunError: no trial has an objective.
    """
    scored = [trial for trial in trials if trial.objective is not None]
    if not scored:
        errors = next((trial.error for trial in trials if trial.error), "no trial was scored")
        raise RunError(f"none of {len(trials)} trials came far enough to be judged: {errors}")
    return max(scored, key=lambda trial: -math.inf if trial.objective is None else trial.objective)


def compare_candidates(finals: Mapping[str, Sequence[TrialResult]], config: RunConfig) -> CandidateComparison:
    """Compare winner and equal weights on the test dialogues, over training seeds.

    The smallest effect is ``POWER`` standard errors of ``held_out_overall``, where half an interval counts as 1.96 of
    them: with few seeds, whose intervals are wider, it is an upper bound.

    Raises:
        ModelError: the seeker failed in every conversation.
    """
    played = {name: [_test_conversations(training) for training in finals[name]] for name in (EQUAL, WINNER)}
    failed = {place for each in played.values() for one in each for place in one.failed}
    if all(record.key in failed for record in played[EQUAL][0].records):
        raise ModelError(
            f"the seeker failed in every one of {len(failed)} test conversations, once at least; the log says why"
        )
    pairs = [(equal.records, best.records) for equal, best in zip(played[EQUAL], played[WINNER], strict=True)]
    resamples, seed = config.evaluation.resamples, config.seed
    result = compare_runs(pairs, config.head_definitions, failed=failed, resamples=resamples, seed=seed)
    judged = result.difference[_JUDGED]
    width = None if judged is None else judged.high - judged.low
    return CandidateComparison.extending(
        result,
        width=width,
        smallest_effect=None if width is None else POWER * width / (2 * 1.96),
        beats=judged is not None and judged.low > 0,
    )


def trials_csv(trials: Sequence[TrialResult]) -> str:
    """One line for each trial: status, objective, figures, and one column for each setting."""
    rows = [
        {
            "trial": trial.trial,
            "status": trial.status,
            "objective": trial.objective,
            "iterations": trial.iterations,
            "seconds": trial.seconds,
            **asdict(trial.figures),
            "violates": " ".join(trial.figures.violates),
            **trial.config,
        }
        for trial in trials
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _test_conversations(training: TrialResult) -> Played:
    if training.checkpoint is None:
        raise RunError(f"the final training {training.trial} left no checkpoint")
    with training.checkpoint.as_directory() as folder:
        failed = json.loads((Path(folder) / FAILURES).read_text(encoding="utf-8"))
        return Played(read_records(Path(folder) / RECORDS), {(index, repeat) for index, repeat in failed})


def _keep_settings(sweep: SweepSettings, file: Path) -> None:
    """Save the sweep's settings; in a resumed folder check that they are the same.

    Raises:
        RunError: the folder's sweep began with other settings.
    """
    now = sweep.model_dump(mode="json")
    if file.is_file():
        lines = [f"  {key}: {change}" for key, change in differences(read_mapping(file), now).items()]
        if lines:
            listed = "\n".join(lines)
            raise RunError(f"{file.parent} began with other settings:\n{listed}\nPut them back, or take another --out")
    write_text(file, write_yaml(now))
