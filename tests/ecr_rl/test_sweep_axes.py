"""Axes of a sweep are checked against the run that trials vary, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from ecr_rl.cli import app
from ecr_rl.config import RunConfig
from ecr_rl.sweep.axes import Axis, tried_values
from ecr_rl.sweep.settings import SweepSettings, load_sweep
from envs.errors import ConfigError
from envs.marks import Stage, marks_of

GRID = "\nsearch: {sampler: grid}"
PBT = "\nscheduler: {kind: pbt, interval: 5}"


def refusal(folder: Path, text: str, *overrides: str) -> str:
    """What a sweep with these lines behind ``base: demo`` is refused with."""
    file = folder / "mine.yaml"
    file.write_text(f"base: demo\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_sweep(file).run_config(overrides, file)
    return str(refused.value).replace(f"{file}, ", "")


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        (
            "ppo.learning_rat: {log_uniform: [1.0e-4, 1.0e-3]}",
            "space.ppo.learning_rat: unknown key ppo.learning_rat. Did you mean ppo.learning_rate?",
        ),
        ("pppo.clip: {choices: [1]}", "unknown key pppo. Did you mean ppo?"),
        ("learning_rate: {choices: [1]}", "unknown key learning_rate. Did you mean"),
        ("seed.x: {choices: [1]}", "seed is the value 0, not a section"),
        ("ppo.learning_rate: {uniform: [-1, 1]}", "space.ppo.learning_rate=-1.0: ppo.learning_rate: Input should be"),
        ("ppo.token_discount: {uniform: [0.5, 1.5]}", "space.ppo.token_discount=1.5: ppo.token_discount: Input should"),
        ("ppo.token_discount: {uniform: [0.5, 1.5], steps: 3}" + GRID, "space.ppo.token_discount=1.5"),
        ("ppo.learning_rate: {choices: [1.0e-4, 0]}", "space.ppo.learning_rate=0: ppo.learning_rate: Input should be"),
        ("ppo.learning_rate: {choices: [.nan, 0.1]}", "space.ppo.learning_rate=nan: ppo.learning_rate: Input should"),
        ("ppo.learning_rate: {uniform: [0.1, .inf]}", "space.ppo.learning_rate.uniform.1: Input should be a finite"),
        ("ppo.epochs: {uniform: [1, 4]}", "write whole numbers as choices, such as ppo.epochs: {choices: [1, 4]}"),
        ("ppo.epochs: {log_uniform: [1, 4]}", "write whole numbers as choices"),
        ("ppo.epochs: {uniform: [1, 4], steps: 3}" + GRID, "space.ppo.epochs=2.5: ppo.epochs: Input should be a valid"),
        ("ppo.epochs: {choices: [1, true]}", "space.ppo.epochs=True: ppo.epochs: Input should be a number, not true"),
        ("ppo.value_into_trunk: {choices: [1, 0]}", "space.ppo.value_into_trunk=1: ppo.value_into_trunk: Input should"),
        ("env.seeker: {choices: [profile, profil]}", "space.env.seeker='profil': env.seeker: no seeker 'profil'"),
        ("reward.weights: {simplex: [empaty, overall]}", "unknown reward heads ['empaty']"),
        ("reward.weights: {simplex: [overall, overall]}", "a simplex names each head once"),
        ("reward.weights: {choices: [{overall: 1}, {blue: 1}]}", "space.reward.weights={'blue': 1}: reward.weights"),
        ("reward.weights.blue: {uniform: [0, 1]}", "unknown reward heads ['blue']"),
        ("env.max_turns: {simplex: [a, b]}", "a simplex draws weights by name"),
        ("ppo: {choices: [{clip: 0.1}, {clip: 0.2}]}", "space.ppo: ppo is a section"),
        ("ppo.minibatch_conversations: {choices: [32, 24]}", "space.ppo.minibatch_conversations=24: ppo.conversations"),
        (
            "ppo.select_every: {choices: [5, 0]}",
            "space.ppo.select_every=0: ppo.select_every=0 leaves the sweep",
        ),
        ("ppo.value_warmup: {choices: [2, 6]}" + PBT, "space.ppo.value_warmup=6: scheduler.interval=5 compares trials"),
    ],
)
def test_an_axis_that_no_trial_can_take_is_refused_with_line_key_and_value(
    tmp_path: Path, axis: str, said: str
) -> None:
    message = refusal(tmp_path, f"space:\n  {axis}")
    assert message.startswith("line 3: space.")
    assert said in message
    assert "\n" not in message


def test_values_that_contradict_each_other_only_together_are_refused(tmp_path: Path) -> None:
    axes = "  ppo.conversations_per_iteration: {choices: [64, 48]}\n  ppo.minibatch_conversations: {choices: [16, 32]}"
    message = refusal(tmp_path, f"space:\n  reward.cap: {{uniform: [1, 3]}}\n{axes}")
    assert message.startswith(
        "line 4: space.ppo.conversations_per_iteration=48, ppo.minibatch_conversations=32: "
        "ppo.conversations_per_iteration=48 is not a multiple of ppo.minibatch_conversations=32"
    )
    axes = axes.replace("64, 48", "96, 48").replace("16, 32", "24, 48")
    SweepSettings.model_validate({"base": "demo", "space": {"ppo.clip": {"choices": [0.1, 0.2]}}}).run_config()
    file = tmp_path / "good.yaml"
    file.write_text(f"base: demo\nspace:\n{axes}\n")
    assert load_sweep(file).run_config().ppo.conversations_per_iteration == 64, "32 fits neither, and no trial has it"


STAGES: tuple[str, ...] = get_args(Stage)
FIXED = [
    key
    for key, mark in marks_of(RunConfig).items()
    if mark.resume or mark.same_result or not mark.rebuilds or set(mark.rebuilds) & set(STAGES[: STAGES.index("ppo")])
]


@pytest.mark.parametrize("scheduler", ["", PBT])
def test_what_is_made_once_before_the_trials_is_no_axis(tmp_path: Path, scheduler: str) -> None:
    said = {
        "supervised.learning_rate: {log_uniform: [1.0e-4, 1.0e-3]}": "before its trials: responder",
        "critic.steps: {choices: [100, 200]}": "before its trials: critic",
        "recommender.width: {choices: [32, 64]}": "before its trials: recommender",
        "labels.count: {choices: [100, 200]}": "before its trials: labels",
        "labels.instruments.seed: {choices: [1, 2]}": "before its trials: instruments",
        "data.limit: {choices: [100, 200]}": "before its trials: corpus",
        "policy.model: {choices: [tiny, smollm2]}": "before its trials: responder",
        "policy.lora.rank: {choices: [4, 8]}": "before its trials: responder",
        "env.max_history: {choices: [2, 4]}": "before its trials: responder",
        "ppo.selecting: {choices: [characters, words]}": "before its trials: selecting_evaluator",
        "heads: {choices: [[overall, bleu], [overall]]}": "before its trials: labels, reporting_evaluator",
        "seed: {choices: [1, 2]}": "before its trials: policy_replies, labels",
        "evaluation.calibration_conversations: {choices: [8, 16]}": "before its trials: reference",
        "evaluation.dialogues: {choices: [8, 16]}": "no trial can differ by it",
        "ppo.iterations: {choices: [10, 20]}": "no trial can differ by it",
        "ppo.checkpoint_every: {choices: [1, 5]}": "no trial can differ by it",
        "resources.driver_threads: {choices: [1, 2]}": "no trial can differ by it",
        "name: {choices: [a, b]}": "no trial can differ by it",
        "env.seeker_model.timeout: {choices: [10, 20]}": "no trial can differ by it",
        "env.seeker_model.retries: {choices: [1, 2]}": "no trial can differ by it",
        "env.seeker_model.requests_per_minute: {choices: [60, 600]}": "no trial can differ by it",
    }
    for axis, reason in said.items():
        message = refusal(tmp_path, f"space:\n  {axis}{scheduler}")
        assert message.startswith("line 3: space."), axis
        assert reason in message, axis


def default_of(key: str) -> Any:
    value: Any = RunConfig().model_dump()
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def test_axes_are_exactly_what_ppo_reads_in_a_trial() -> None:
    refused = []
    for key in marks_of(RunConfig):
        sweep = SweepSettings.model_validate({"base": "demo", "space": {key: {"choices": [default_of(key)]}}})
        try:
            sweep.run_config()
        except ConfigError as error:
            if "before its trials" in str(error) or "no trial can differ" in str(error):
                refused.append(key)
    assert refused == FIXED
    free = set(marks_of(RunConfig)) - set(refused)
    assert {"reward.weights", "reward.cap", "ppo.kl", "env.max_turns", "policy.temperature"} <= free
    assert {key.partition(".")[0] for key in free} == {"env", "reward", "policy", "ppo"}


@pytest.mark.parametrize(
    "axis",
    [
        "select_success: {uniform: [0.01, 0.2]}",
        "select_people: {choices: [0.1, null]}",
        "select_dialogues: {choices: [8, 64]}",
    ],
)
def test_what_trials_are_judged_by_is_no_axis(tmp_path: Path, axis: str) -> None:
    said = refusal(tmp_path, f"space:\n  ppo.{axis}")
    assert said.startswith("line 3: space.ppo.select_") and "their objectives could not be compared" in said


def test_an_axis_that_changes_nothing_under_the_base_is_refused(tmp_path: Path) -> None:
    films = "space:\n  ppo.film_temperature: {uniform: [0.1, 1]}"
    assert "changes nothing where ppo.film_candidates is 0" in refusal(tmp_path, films)
    file = tmp_path / "good.yaml"
    for text in (films + "\nchanges: {ppo.film_candidates: 8}", films + "\n  ppo.film_candidates: {choices: [0, 8]}"):
        file.write_text(f"base: demo\n{text}\n")
        load_sweep(file).run_config()
    assert "changes nothing where env.seeker is 'profile'" in refusal(
        tmp_path, "space:\n  env.horizon: {choices: [1, 2]}"
    )
    assert "changes nothing where env.seeker is 'replay'" in refusal(
        tmp_path, "space:\n  env.max_turns: {choices: [1, 2]}", "env.seeker=replay"
    )


@pytest.mark.parametrize(
    ("axis", "change", "said"),
    [
        ("env.seeker_model.temperature: {uniform: [0.5, 1]}", "env.seeker=profile", "where env.seeker is 'profile'"),
        ("env.seeker_model.batch: {choices: [8, 16]}", "env.seeker=replay", "where env.seeker is 'replay'"),
        ("reward.cap: {uniform: [1, 3]}", "reward.source=random", "where reward.source is 'random'"),
        ("reward.spread_penalty: {uniform: [0, 1]}", "reward.source=length", "where reward.source is 'length'"),
        ("reward.weights: {simplex: [overall, bleu]}", "reward.source=random", "where reward.source is 'random'"),
        ("ppo.learning_rate: {log_uniform: [1.0e-4, 1.0e-3]}", "ppo.iterations=0", "before the policy learns"),
        ("ppo.learning_rate: {log_uniform: [1.0e-4, 1.0e-3]}", "ppo.value_warmup=40", "before the policy learns"),
    ],
)
def test_an_axis_that_another_setting_idles_is_refused(tmp_path: Path, axis: str, change: str, said: str) -> None:
    assert said in refusal(tmp_path, f"space:\n  {axis}", change)


@pytest.mark.parametrize(
    ("axis", "change"),
    [
        ("env.seeker_model.temperature: {uniform: [0.5, 1]}", "env.seeker=model"),
        ("reward.cap: {uniform: [1, 3]}", "reward.source=length"),
        ("reward.weights.overall: {uniform: [0.1, 1]}", "reward.source=random"),
    ],
)
def test_an_axis_that_the_run_uses_is_taken(tmp_path: Path, axis: str, change: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: demo\nspace:\n  {axis}\n")
    load_sweep(file).run_config((change,), file)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("ppo.clip: {choices: [1]}", "space.ppo.clip: an axis needs two different values, not [1]"),
        ("ppo.clip: {choices: [1, 1]}", "needs two different values"),
        ("ppo.clip: {choices: [1, 1.0]}", "needs two different values"),
        ("ppo.epochs: {choices: [1, '1']}", "needs two different values"),
        ("ppo.clip: {uniform: [0.1, 0.2], steps: 1}" + GRID, "needs two different values"),
        ("ppo.clip: {choices: [0.1, 0.2, 0.1]}" + GRID, "space.ppo.clip: 0.1 stands there twice; a grid would train"),
    ],
)
def test_an_axis_needs_different_values(tmp_path: Path, axis: str, said: str) -> None:
    assert said in refusal(tmp_path, f"space:\n  {axis}")


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("reward.weights: {simplex: [overall, bleu, empathy, naturalness, informativeness], steps: 100}", "4,598,126"),
        ("ppo.clip: {uniform: [0.1, 0.2], steps: 200}\n  ppo.kl: {uniform: [0.1, 0.2], steps: 100}", "20,000"),
        ("reward.cap: {uniform: [1, 3], steps: 1000000000000}", "less than or equal to 10000"),
    ],
)
def test_a_grid_of_too_many_trials_is_refused_before_they_are_made(tmp_path: Path, axis: str, said: str) -> None:
    assert said in refusal(tmp_path, f"space:\n  {axis}{GRID}")


def test_every_setting_that_another_one_idles_names_one() -> None:
    marks = marks_of(RunConfig)
    assert all(other in marks for mark in marks.values() for other, _ in mark.idle)


def test_two_axes_never_draw_the_same_setting(tmp_path: Path) -> None:
    axes = "space:\n  reward.weights.bleu: {uniform: [0, 1]}\n  reward.weights: {simplex: [overall, bleu]}"
    assert refusal(tmp_path, axes).startswith("line 3: space.reward.weights.bleu: the axis reward.weights draws")
    twice = refusal(tmp_path, "space:\n  ppo.clip: {choices: [0.1, 0.2]}\n  ppo.clip: {choices: [0.3]}")
    assert "line 4, column 3: the key 'ppo.clip' stands there twice" in twice


def test_changes_are_checked_with_their_line(tmp_path: Path) -> None:
    space = "\nspace:\n  reward.cap: {uniform: [1, 3]}\n  reward.weights: {simplex: [overall, bleu]}"
    assert refusal(tmp_path, "changes:\n  ppo.cli: 0.3" + space) == (
        "line 3: changes.ppo.cli: unknown key ppo.cli. Did you mean ppo.clip?"
    )
    assert "line 2: changes.ppo.clip: ppo.clip: Input should be greater than 0 (it is -1)" in refusal(
        tmp_path, "changes: {ppo.clip: -1}" + space
    )
    assert "line 2: changes.reward.cap: the axis reward.cap draws it in every trial" in refusal(
        tmp_path, "changes: {reward.cap: 2}" + space
    )
    assert "the key 'ppo.clip' stands there twice" in refusal(tmp_path, "changes: {ppo.clip: 1, ppo.clip: 2}" + space)
    assert "line 2: changes.ppo.clip: ppo, which stands after it, replaces it" in refusal(
        tmp_path, "changes: {ppo.clip: 0.1, ppo: {clip: 0.3}}" + space
    )
    drawn = refusal(tmp_path, space, "reward.weights.bleu=0.5")
    assert drawn.startswith("-s reward.weights.bleu=0.5: the axis reward.weights draws it in every trial")


def test_a_base_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# mine\nbase: demoo\nspace: {reward.cap: {uniform: [1, 3]}}\n")
    with pytest.raises(ConfigError) as refused:
        load_sweep(file).run_config((), file)
    assert str(refused.value).startswith(f"{file}, line 2: base: demoo: no such config file. Did you mean")


def test_a_range_is_tried_at_its_ends_and_inside() -> None:
    low, high, inside = tried_values(Axis(uniform=(1.0, 4.0)), grid=False)
    assert (low, high) == (1.0, 4.0)
    assert 1 < inside < 4 and inside % 1
    assert 1e-4 < tried_values(Axis(log_uniform=(1e-4, 1e-2)), grid=False)[2] < 1e-2
    assert tried_values(Axis(uniform=(1.0, 3.0), steps=3), grid=True) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("command", [["sweep"], ["submit", "--address", "http://127.0.0.1:1", "sweep"]])
def test_a_command_ends_before_anything_is_made(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("base: demo\nspace:\n  supervised.learning_rate: {log_uniform: [1.0e-4, 1.0e-3]}\n")
    result = CliRunner().invoke(app, [*command, str(file), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert f"ecr-rl: {file}, line 3: space.supervised.learning_rate: " in result.stderr
    assert not (tmp_path / "out").exists()
