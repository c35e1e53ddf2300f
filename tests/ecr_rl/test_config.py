from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from algorithms.settings.resources import ResourceSettings
from ecr_rl.config import RunConfig, config_yaml, find_profile, load_config, profiles, sweeps, with_given
from ecr_rl.settings import EvaluationSettings, JudgeSettings
from ecr_rl.settings_file import sections_of
from ecr_rl.sweep.settings import SweepSettings, load_sweep
from envs.errors import ConfigError
from envs.marks import Settings, decided_up_to, mark_of, marks_of, type_at

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config_file(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        file = tmp_path / "mine.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize("file", sorted(ROOT.rglob("tune_configs/**/*.yaml")), ids=lambda file: file.stem)
def test_every_config_of_the_repository_is_valid(file: Path) -> None:
    load = load_sweep if file.stem in sweeps() else load_config
    assert load(file).name == file.stem


def test_a_resolved_config_reads_back_as_itself(tmp_path: Path) -> None:
    for profile in profiles():
        config = load_config(profile)
        resolved = tmp_path / "config.yaml"
        resolved.write_text(config_yaml(config), encoding="utf-8")
        assert load_config(resolved) == config
        assert yaml.safe_load(resolved.read_text())["ppo"].keys() == type(config.ppo).model_fields.keys()


def test_the_files_name_names_the_run(config_file: Any) -> None:
    assert load_config(config_file("")).name == "mine"
    assert load_config(config_file("name: other")).name == "other"


def test_an_empty_section_is_the_default(config_file: Any) -> None:
    assert load_config(config_file("ppo:\n# nothing yet\n")).ppo == RunConfig().ppo


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ppo: {iteratons: 3}", "unknown key ppo.iteratons. Did you mean ppo.iterations?"),
        ("pppo: {}", "unknown key pppo. Did you mean ppo?"),
        ("policy: {lora: {rnk: 3}}", "unknown key policy.lora.rnk. Did you mean policy.lora.rank?"),
        ("ppo: {seeker: replay}", "unknown key ppo.seeker. Did you mean env.seeker?"),
        ("ppo: {iterations: many}", "ppo.iterations: Input should be a valid integer"),
        ("ppo: {iterations: -1}", "(it is -1)"),
        ("env: {seeker: ghost}", "env.seeker: no seeker 'ghost'. Known: replay, profile, model"),
        ("env: {seeker: profil}", "env.seeker: no seeker 'profil'. Did you mean profile?"),
        ("evaluation: {figures: [questions]}", "evaluation.figures: no figure 'questions'. An own one is named as"),
        ("reward: {source: chance}", "reward.source: no reward source 'chance'. Known: critic, random, length."),
        ("ppo: {advantage: mc}", "ppo.advantage: no advantage estimator 'mc'. Known: gae"),
        ("env: {seeker_model: {endpoint: here}}", "env.seeker_model.endpoint: http:// or https:// is missing"),
        ("env: {seeker_model: {modle: x}}", "Did you mean env.seeker_model.model?"),
        ("reward: {weights: {blue: 1}}", "unknown reward heads ['blue']"),
        ("ppo: 3", "ppo: Input should be"),
        ("heads: [1]", "heads.0: Input should be a valid string (it is 1). Quote it"),
        ("name: 2024", "line 1: name: Input should be a valid string (it is 2024). Quote it"),
        ("seed: 1\nppo:\n  epochs: 010x", "line 3: ppo.epochs: Input should be a valid integer"),
        ("- a list", "a config is a mapping"),
        ("ppo: {iterations: 3", "not readable as YAML"),
        ("ppo: {iterations: 3}\nppo: {}", "'ppo' stands there twice"),
    ],
)
def test_errors_name_the_file_and_the_key(config_file: Any, text: str, said: str) -> None:
    file = config_file(text)
    with pytest.raises(ConfigError) as refused:
        load_config(file)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(file))


def test_every_error_is_told_at_once(config_file: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(config_file("ppo: {iteratons: 3}\nenf: {}"))
    assert len(str(refused.value).splitlines()) == 2


def test_an_override_is_blamed_for_its_own_error() -> None:
    with pytest.raises(ConfigError) as refused:
        load_config("demo", ["ppo.epochs=1", "ppo.iteratons=3"])
    assert str(refused.value) == "-s ppo.iteratons=3: unknown key ppo.iteratons. Did you mean ppo.iterations?"


def test_overrides_are_typed_by_the_settings() -> None:
    config = load_config("demo", ["ppo.learning_rate=1e-5", "reward.weights.bleu=0.25", "data.limit=7"])
    assert config.ppo.learning_rate == 1e-5
    assert config.reward.weights == {**load_config("demo").reward.weights, "bleu": 0.25}
    assert config.data.limit == 7


def test_a_file_is_read_as_it_looks(config_file: Any) -> None:
    config = load_config(
        config_file("env: {max_turns: 010, seeker: profile}\npolicy: {model: no}\ndata: {source: 12:30:00}\n")
    )
    assert config.env.max_turns == 10
    assert (config.policy.model, config.data.source) == ("no", "12:30:00")


def test_a_name_that_looks_like_a_number_reads_back(tmp_path: Path) -> None:
    for name in ("1e3", "0o17", "010", "yes"):
        config = load_config("demo", [f"name={name}"])
        resolved = tmp_path / "config.yaml"
        resolved.write_text(config_yaml(config), encoding="utf-8")
        assert load_config(resolved).name == name


@pytest.mark.parametrize("key", [key for key in marks_of(RunConfig) if key.split(".")[-1] == "seed"])
def test_every_seed_of_a_run_has_32_bits(key: str) -> None:
    for wrong in ("-1", str(2**32), "1e20"):
        with pytest.raises(ConfigError, match=f"^-s {key}={wrong}: {key}: "):
            load_config("demo", [f"{key}={wrong}"])
    load_config("demo", [f"{key}={2**32 - 1}"])


def numbers_of(kind: type[Settings], above: str = "") -> Iterator[str]:
    for key in marks_of(kind):
        leaf = type_at(kind, tuple(key.split(".")))
        if leaf is float or float in get_args(leaf):
            yield f"{above}{key}.empathy" if key == "reward.weights" else f"{above}{key}"


@pytest.mark.parametrize("key", list(numbers_of(RunConfig)))
def test_every_number_of_a_run_is_finite(key: str) -> None:
    for wrong in (".nan", ".inf", "-.inf", "nan", "1e400"):
        with pytest.raises(ConfigError, match=f"^-s {key}={wrong}: {key}: Input should be"):
            load_config("demo", [f"{key}={wrong}"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["ppo.conversations_per_iteration=48", "ppo.minibatch_conversations=32"], "=48 is not a multiple of"),
        (["ppo.minibatch_conversations=16", "resources.learners=3"], "3 learners"),
        (["ppo.minibatch_conversations=16", "resources.gpus=5"], "5 learners"),
        (["resources.gpus=2", "resources.env_runners=2"], "leave resources.env_runners"),
        (["resources.env_runners=1000"], "1000 env runners without"),
        (["policy.four_bit=true"], "needs policy.lora"),
        (["policy.lora={rank: 4, alpha: 8}"], "value_into_trunk must be false"),
        (["policy.width=190", "policy.heads=6"], "not a multiple of policy.heads=6"),
        (["policy.positions=100"], "holds no turn"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config("demo", changes)
    assert said in str(refused.value)


def test_profiles_are_found_by_name_and_by_path() -> None:
    assert profiles() == ["baseline-llama2", "demo", "redial-cpu", "redial-gpu"]
    assert find_profile("demo").samefile(ROOT / "tune_configs" / "demo.yaml")
    assert find_profile(ROOT / "tune_configs" / "demo.yaml").is_file()
    with pytest.raises(ConfigError, match="Did you mean the profile redial-cpu"):
        find_profile("redial-cpuu")


@pytest.mark.parametrize("gpus", [1, 4, 8])
def test_the_gpu_profile_fits_any_number_of_gpus(gpus: int) -> None:
    config = load_config("redial-gpu", [f"resources.gpus={gpus}"])
    assert config.resources.learner_count == config.resources.runner_count == gpus


def all_settings(kind: type[Settings] = Settings) -> Iterator[type[Settings]]:
    for inner in kind.__subclasses__():
        if inner.__module__.partition(".")[0] in ("envs", "algorithms", "ecr_rl"):
            yield inner
        yield from all_settings(inner)


def test_every_field_of_every_settings_class_is_marked() -> None:
    kinds = set(all_settings())
    assert {RunConfig, SweepSettings, JudgeSettings} <= kinds
    sections = {kind: sections_of(kind) for kind in kinds}
    unmarked = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, field in kind.model_fields.items()
        if mark_of(field) is None and name not in sections[kind]
    ]
    assert not unmarked
    assert marks_of(RunConfig) and marks_of(SweepSettings)


def test_what_resume_may_change() -> None:
    """How long, how often, where, how it is judged, what stops it; and of a sweep where it runs."""
    marks = marks_of(RunConfig)
    everywhere = {key for key, mark in marks.items() if "sweep" in mark.resume}
    runs = {key for key, mark in marks.items() if "run" in mark.resume}
    resources = {f"resources.{name}" for name in ResourceSettings.model_fields}
    assert everywhere == resources | {"name", "cache", "mirror"}
    evaluation = {f"evaluation.{name}" for name in EvaluationSettings.model_fields} - {
        "evaluation.calibration_conversations",
        "evaluation.reporting",
    }
    assert runs == everywhere | evaluation | {"ppo.iterations", "ppo.sampler_gap", "ppo.checkpoint_every"}


def test_what_rebuilds_a_part_may_not_change_on_resume() -> None:
    for key, mark in marks_of(RunConfig).items():
        if mark.resume:
            assert (mark.rebuilds or set()) <= {"ppo", "evaluation", "report"}, key


def test_a_finished_training_stays_finished_where_only_the_evaluation_changes() -> None:
    config, judged = load_config("demo"), load_config("demo", ["evaluation.dialogues=3", "resources.driver_threads=1"])
    fewer_samples = load_config("demo", ["evaluation.samples=3"])
    assert decided_up_to(config, "ppo") == decided_up_to(judged, "ppo")
    assert decided_up_to(config, "evaluation") != decided_up_to(judged, "evaluation")
    assert decided_up_to(config, "evaluation") == decided_up_to(fewer_samples, "evaluation")
    for change in ("ppo.iterations=3", "data.limit=5", "critic.steps=3", "env.seeker=replay", "seed=3"):
        assert decided_up_to(load_config("demo", [change]), "ppo") != decided_up_to(config, "ppo")


def test_an_option_is_checked_as_its_setting_is() -> None:
    config = load_config("demo", ["reward.weights.bleu=0.25"])
    assert with_given(config, "data", limit=None) is config
    changed = with_given(config, "evaluation", dialogues=3)
    assert changed == load_config("demo", ["reward.weights.bleu=0.25", "evaluation.dialogues=3"])
    with pytest.raises(ConfigError, match=r"^--dialogues: evaluation\.dialogues: Input should be greater than 0"):
        with_given(config, "evaluation", dialogues=0)


@pytest.mark.parametrize("key", ["policy.temperature", "env.seeker_model.temperature", "ppo.film_temperature"])
def test_a_temperature_has_a_lower_bound(key: str) -> None:
    with pytest.raises(ConfigError, match=rf"{key}: Input should be greater than or equal to 0\.01 \(it is 1e-40\)"):
        load_config("demo", [f"{key}=1e-40"])


@pytest.mark.parametrize(
    "key",
    [
        "policy.layers",
        "policy.width",
        "policy.vocabulary",
        "policy.positions",
        "policy.lora.rank",
        "critic.max_tokens",
        "critic.members",
        "recommender.width",
        "ppo.conversations_per_iteration",
        "env.max_turns",
    ],
)
def test_a_size_has_an_upper_bound(key: str) -> None:
    with pytest.raises(ConfigError, match=f"{key}: Input should be less than or equal to"):
        load_config("demo", [f"{key}={10**25}"])


def test_a_long_value_is_cut_in_a_message() -> None:
    with pytest.raises(ConfigError, match=r"seed: Input should be .*… \([\d,]+ characters\)"):
        load_config("demo", ["seed=" + "9" * 900])
