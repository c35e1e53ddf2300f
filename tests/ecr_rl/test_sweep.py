"""Sweeps without trainings: what is drawn, and who wins."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.rllib.utils import unflatten_dict
from ray.tune import Checkpoint, Result
from ray.tune.schedulers import ASHAScheduler, PopulationBasedTraining
from ray.tune.search import Searcher

from algorithms.settings.resources import ResourceSettings
from ecr_rl.config import load_config, sweeps
from ecr_rl.evaluation.conversations.records import write_records
from ecr_rl.overrides import flat
from ecr_rl.ray_instance import ray_instance
from ecr_rl.report.sweep_plots import pareto_front
from ecr_rl.report.sweep_record import (
    TrialFigures,
)
from ecr_rl.report.sweep_report import violations
from ecr_rl.runs.folder import RunFolder
from ecr_rl.sweep.search import TrialResult, TrialSettings, sampler_of, scheduler_of, trial_count, trial_result
from ecr_rl.sweep.settings import SweepSettings, load_sweep
from ecr_rl.sweep.space import equal_weights, mutations, simplex_weights, tune_space, values_of
from ecr_rl.sweep.sweep import EQUAL, WINNER, best_trial, compare_candidates, run_sweep, trials_csv
from ecr_rl.sweep.trial import FAILURES, RECORDS, trial_resources
from envs.errors import ConfigError, ModelError, RunError
from envs.files import write_json
from tests.ecr_rl.example_run import conversation, known, turn
from tests.ecr_rl.sweep_trials import sweep_record, trial
from tests.known_heads import HEADS

SPACE = {
    "reward.weights": {"simplex": ["empathy", "overall", "bleu"], "steps": 2},
    "reward.cap": {"uniform": [1.0, 3.0], "steps": 3},
    "ppo.learning_rate": {"log_uniform": [1e-4, 1e-2], "steps": 3},
}


def sweep(**more: Any) -> SweepSettings:
    return SweepSettings.model_validate({"base": "demo", "space": SPACE, **more})


def test_simplex_weights_are_even_over_all_weights_that_sum_to_one() -> None:
    draws = np.random.default_rng(0).random((20_000, 3))
    weights = np.array([list(simplex_weights(dict(zip("abc", draw, strict=True))).values()) for draw in draws])
    np.testing.assert_allclose(weights.sum(1), 1.0)
    # Of Dirichlet(1, 1, 1): mean 1/3, variance 1/18, and each weight is above a half in a quarter of the draws.
    np.testing.assert_allclose(weights.mean(0), 1 / 3, atol=0.01)
    np.testing.assert_allclose(weights.var(0), 1 / 18, atol=0.002)
    np.testing.assert_allclose((weights > 0.5).mean(0), 0.25, atol=0.015)


def test_a_draw_becomes_settings_within_their_ranges() -> None:
    sample = {
        "reward.weights": {"empathy": 1.2, "overall": 0.5, "bleu": 0.0},
        "reward.cap": 3.6,
        "ppo.learning_rate": 1e-3,
    }
    values = values_of(sample, sweep())
    assert sum(values["reward.weights"].values()) == pytest.approx(1)
    assert all(weight >= 0 for weight in values["reward.weights"].values())
    assert values["reward.cap"] == 3.0, "population based training varies a value beyond its range"
    equal = equal_weights(values, sweep())
    assert equal["reward.weights"] == dict.fromkeys(("empathy", "overall", "bleu"), 1 / 3)
    assert equal["reward.cap"] == values["reward.cap"]
    assert set(flat(values)) >= {"reward.weights.empathy", "reward.cap"}


def test_a_grid_has_every_combination() -> None:
    grid = sweep(search={"sampler": "grid"})
    space = tune_space(grid)
    weights = [tuple(point.values()) for point in space["reward.weights"]["grid_search"]]
    assert sorted(weights) == [(0, 0, 1), (0, 0.5, 0.5), (0, 1, 0), (0.5, 0, 0.5), (0.5, 0.5, 0), (1, 0, 0)]
    assert space["reward.cap"]["grid_search"] == [1.0, 2.0, 3.0]
    np.testing.assert_allclose(space["ppo.learning_rate"]["grid_search"], [1e-4, 1e-3, 1e-2])
    assert trial_count(grid) == 6 * 3 * 3


@pytest.mark.parametrize("name", sweeps())
def test_every_packaged_sweep_varies_a_run_that_fits_together(name: str) -> None:
    settings = load_sweep(name)
    assert settings.name == name
    assert settings.run_config().name == name
    assert set(settings.space["reward.weights"].simplex or ()) == set(HEADS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("base: demo\nseed: 1\n", "a sweep has base and space"),
        ("base: demo\nspace: {reward.cap: {uniform: [1, 3], choices: [1]}}", "space.reward.cap: an axis is one of"),
        ("base: demo\nspace: {reward.cap: {uniform: [3, 1]}}", "from the smaller to the larger"),
        ("base: demo\nspace: {reward.cap: {log_uniform: [0, 1]}}", "numbers above 0"),
        ("base: demo\nspace: {reward.cap: {uniform: [1, 3]}}\nsearch: {sampler: grid}", "the grid sampler needs steps"),
        ("base: demo\nspace: {reward.cap: {simplex: [a, b]}}", "draws weights by name"),
        (
            "base: demo\nspace: {reward.cap: {uniform: [1, 3]}}\nsearch: {sampler: optuna}\nscheduler: {kind: pbt}",
            "not with optuna",
        ),
        (
            "base: demo\nspace: {reward.cap: {uniform: [1, 3]}}\nschedule: {}",
            "unknown key schedule. Did you mean scheduler?",
        ),
        ("base: demo\nspace: {reward.cap: {unifrm: [1, 3]}}", "Did you mean space.reward.cap.uniform?"),
        ("base: demo\nbase: demo\nspace: {}", "the key 'base' stands there twice"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_sweep(file)
    assert said in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_sweep_without_its_objective_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"ppo\.select_every=0 leaves the sweep without its objective"):
        sweep().run_config(("ppo.select_every=0",))
    with pytest.raises(ConfigError, match=r"unknown key reward\.capp"):
        sweep(changes={"reward.capp": 1}).run_config()


@pytest.mark.parametrize(
    ("scheduler", "changes", "said"),
    [
        ({"kind": "asha", "grace": 4}, (), r"scheduler\.grace=4 .* after iteration 5 .* Raise scheduler\.grace to 5"),
        ({"kind": "pbt", "interval": 5}, ("ppo.value_warmup=5",), r"Raise scheduler\.interval to 10"),
        ({"kind": "asha", "grace": 7}, ("ppo.iterations=8", "ppo.value_warmup=5"), r"Raise scheduler\.grace to 8"),
    ],
)
def test_trials_are_not_compared_before_a_trained_policy_is_scored(
    scheduler: dict[str, Any], changes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        sweep(scheduler=scheduler).run_config(changes)
    assert sweep(scheduler={"kind": "asha", "grace": 10}).run_config(("ppo.value_warmup=5",)).ppo.value_warmup == 5


def test_a_sweep_goes_on_only_with_the_run_that_it_began_with(tmp_path: Path) -> None:
    began, now = (sweep().run_config((f"ppo.iterations={count}",)) for count in (15, 20))
    RunFolder.create(tmp_path / "sweep", began).close()
    with pytest.raises(RunError, match=r"began with other settings:\n  ppo\.iterations: 15 -> 20\nPut them back"):
        run_sweep(sweep(), now, tmp_path / "sweep", resume=True)
    assert RunFolder.open(tmp_path / "sweep").config == began, "refused, it is as it was"


def from_tune(error: Exception | None = None, **metrics: Any) -> Result:
    """A result as Tune gives it, of a whole trial unless told otherwise."""
    kept = json.dumps({"reward.cap": 2.0})
    reported = {"training_iteration": 15, "objective": 0.6, "kept_iteration": 10, "kept_settings": kept, **metrics}
    return Result(metrics={"trial_id": "a", **reported}, checkpoint=None, error=error, path="/search/a")


def test_a_failed_trial_is_never_a_number() -> None:
    done = trial_result(from_tune(), {"reward.cap": 1.0}, 15)
    assert (done.status, done.objective, done.values) == ("finished", 0.6, {"reward.cap": 2.0})
    failed = trial_result(from_tune(RuntimeError("out of memory"), training_iteration=12), {}, 15)
    assert (failed.status, failed.objective, failed.error) == ("failed", None, "out of memory")
    unscored = trial_result(from_tune(training_iteration=4, kept_iteration=0), {}, 15)
    assert (unscored.status, unscored.objective) == ("stopped", None), "the objective is the supervised policy's score"


def test_a_trial_that_failed_as_it_started_has_its_settings() -> None:
    found = Result(metrics={"trial_id": "b"}, checkpoint=None, error=RuntimeError("no such file"), path="/search/b")
    result = trial_result(found, {"reward.cap": 1.0}, 15)
    assert (result.trial, result.status, result.objective, result.iterations) == ("b", "failed", None, 0)
    assert result.config == {"reward.cap": 1.0}


def test_hyperparameters_are_settings_not_draws() -> None:
    weights = {"reward.weights": {"empathy": 0.25, "overall": 0.75}}
    drawn: Any = SimpleNamespace(config={}, evaluated_params={"reward.weights/empathy": 0.9})
    TrialSettings().on_trial_result(1, [drawn], drawn, {"kept_settings": json.dumps(weights)})
    assert drawn.evaluated_params == {"reward.weights.empathy": 0.25, "reward.weights.overall": 0.75}
    final: Any = SimpleNamespace(config={"job": {"name": "winner"}}, evaluated_params={})
    TrialSettings().on_trial_result(1, [final], final, {"kept_settings": json.dumps(weights | {"seed": 1})})
    assert final.evaluated_params == {"name": "winner", "seed": 1, **drawn.evaluated_params}


def final_training(folder: Path, failed: set[int], reward: float) -> TrialResult:
    """A final training that leaves six test conversations, but those in which its seeker failed."""
    write_records(folder / RECORDS, [conversation(n, turn(reward=reward)) for n in range(6) if n not in failed])
    write_json(folder / FAILURES, sorted((n, 0) for n in failed))
    kept: Any = Checkpoint.from_directory(folder)
    return TrialResult(folder.name, {}, 0.5, "finished", 15, TrialFigures(), 60.0, checkpoint=kept)


def test_a_seeker_that_fails_once_leaves_its_dialogue_out_of_all_trainings(tmp_path: Path) -> None:
    failed = {EQUAL: [{1}, set()], WINNER: [set(), {4}]}
    finals = {
        name: [final_training(tmp_path / f"{name}-{seed}", each, reward) for seed, each in enumerate(failed[name])]
        for name, reward in ((EQUAL, 0.0), (WINNER, 1.0))
    }
    found = compare_candidates(finals, load_config("demo", ("evaluation.resamples=20",)))
    assert (found.n, found.runs, found.seeker_failures) == (4, 2, 2)
    assert known(found.difference["reward"]).mean == pytest.approx(1.0)
    nothing = {name: [final_training(tmp_path / name, set(range(6)), 0.0)] for name in (EQUAL, WINNER)}
    with pytest.raises(ModelError, match="the seeker failed in every one of 6 test conversations"):
        compare_candidates(nothing, load_config("demo"))


def test_a_trial_that_a_cluster_cannot_hold_is_told_of(ray_session: Any, caplog: pytest.LogCaptureFixture) -> None:
    resources = ResourceSettings(driver_threads=2, env_runners=4)
    with ray_instance(resources, trial_resources(resources).required_resources):
        assert "each trial reserves more than the cluster has now (CPU 6 of 4)" in caplog.text
    caplog.clear()
    with ray_instance(resources):
        assert not caplog.text


def test_the_best_objective_wins_whatever_was_paid() -> None:
    trials = [trial("a", 0.5), trial("b", 0.7, status="stopped"), trial("c", None, status="failed"), trial("d", 0.7)]
    assert best_trial(trials).trial == "b"
    with pytest.raises(RunError, match="none of 1 trials came far enough to be judged: out of memory"):
        best_trial([trial("c", None, status="failed")])


def violating(name: str, objective: float, *violates: str) -> TrialResult:
    """A trial whose kept policy violates constraints, so that its objective is below 0."""
    found = trial(name, objective)
    return replace(found, figures=replace(found.figures, score=0.9, violates=list(violates)))


def test_a_trial_whose_policy_violates_a_constraint_ranks_behind_all_that_satisfy_them() -> None:
    once, twice = violating("once", -1.4, "success"), violating("twice", -2.1, "success", "pmi")
    trials = [twice, once, trial("low", 0.1), trial("failed", None, status="failed")]
    assert best_trial(trials).trial == "low"
    assert best_trial(trials[:2]).trial == "once"
    record = sweep_record(trials)
    assert [each.trial for each in record.best_first] == ["low", "once", "twice", "failed"]
    assert [found.record.trial for found in pareto_front(record.scored)] == ["low"]
    rows = list(csv.DictReader(trials_csv(trials).splitlines()))
    assert [(row["violates"], row["score"]) for row in rows[:3]] == [
        ("success pmi", "0.9"),
        ("success", "0.9"),
        ("", ""),
    ]
    assert "of 2 of 4 trials violates" in violations(record) and "the winner's too: success, pmi" in violations(record)
    won = violations(sweep_record([trial("low", 0.1), once]))
    assert won.endswith("of 1 of 2 trials violates a constraint on what it may lose; all others rank before it.")
    assert violations(sweep_record([trial("low", 0.1)])) == ""


def test_a_result_of_tune_tells_what_its_policy_violates() -> None:
    found = trial_result(from_tune(objective=-1.5, kept_score=0.7, kept_violates="success people"), {}, 15)
    assert (found.objective, found.figures.score, found.figures.violates) == (-1.5, 0.7, ["success", "people"])
    assert trial_result(from_tune(kept_violates=""), {}, 15).figures.violates == []


def test_optuna_draws_from_the_same_space() -> None:
    settings = sweep(search={"sampler": "optuna", "seed": 3})
    sampler = sampler_of(settings)
    assert isinstance(sampler, Searcher)
    sampler.set_search_properties("objective", "max", tune_space(settings))
    drawn = [unflatten_dict(sampler.suggest(name) or {}) for name in ("a", "b")]
    assert drawn[0] != drawn[1]
    for sample in drawn:
        values = values_of(sample, settings)
        assert sum(values["reward.weights"].values()) == pytest.approx(1)
        assert 1.0 <= values["reward.cap"] <= 3.0


def test_changes_of_the_command_line_count_together() -> None:
    together = ("ppo.conversations_per_iteration=20", "ppo.minibatch_conversations=10", "ppo.iterations=3")
    ppo = sweep(changes={"ppo.iterations": 7}).run_config(together).ppo
    assert (ppo.conversations_per_iteration, ppo.minibatch_conversations, ppo.iterations) == (20, 10, 3)


def test_schedulers_count_iterations_not_seconds() -> None:
    asha, pbt = (scheduler_of(load_sweep(name), 15) for name in ("asha", "pbt"))
    assert isinstance(asha, ASHAScheduler)
    assert isinstance(pbt, PopulationBasedTraining)
    assert pbt._time_attr == asha._time_attr == "training_iteration"
    assert pbt._perturbation_interval == 5


def test_population_based_training_steps_along_choices() -> None:
    settings = sweep(space={**SPACE, "reward.acceptance": {"choices": [0.1, 0.5]}}, scheduler={"kind": "pbt"})
    varied = mutations(settings)
    assert varied["reward.acceptance"] == [0.1, 0.5], "a number of a Tune domain would be multiplied"
    assert set(varied) == set(settings.space)
    pbt = scheduler_of(settings, 15)
    assert isinstance(pbt, PopulationBasedTraining)
    assert pbt._hyperparam_mutations["reward.acceptance"] == [0.1, 0.5]
