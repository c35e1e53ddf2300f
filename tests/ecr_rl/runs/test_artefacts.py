from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from ecr_rl.config import load_config
from ecr_rl.pipeline import Pipeline
from ecr_rl.runs.artefacts import ArtefactCache, key_hash, model_version
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.settings_key import settings_key
from envs.builtin_heads import HEADS
from envs.errors import ConfigError, ModelError, RunError

ROOT = Path(__file__).resolve().parents[3]
CARD = json.dumps({"heads": HEADS.names()})
KEY = {"settings": {"steps": 3}, "corpus": "abc"}


def _builder(folder: Path) -> dict[str, float]:
    (folder / "weights").write_text("1 2 3")
    return {"r2": 0.5}


def test_a_part_is_built_once(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path / "cache")
    first = cache.build("critic", KEY, _builder)
    second = cache.build("critic", dict(reversed(KEY.items())), lambda folder: pytest.fail("built twice"))
    assert (first.cached, second.cached) == (False, True)
    assert first.folder == second.folder
    assert first.folder.name == f"critic-{key_hash(KEY)[:12]}"
    assert second.figures == {"r2": 0.5}
    assert json.loads((first.folder / "key.json").read_text())["key"] == KEY


def test_another_key_is_another_part(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path)
    assert cache.build("critic", KEY, _builder).folder != cache.build("critic", {**KEY, "corpus": "d"}, _builder).folder
    assert cache.build("critic", KEY, _builder).folder != cache.build("recommender", KEY, _builder).folder


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path)

    def fail(folder: Path) -> dict[str, float]:
        (folder / "half").write_text("x")
        raise ModelError("no")

    with pytest.raises(ModelError):
        cache.build("critic", KEY, fail)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == []
    assert not cache.build("critic", KEY, _builder).cached


def test_a_killed_build_is_not_used_and_is_removed(tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from pathlib import Path
        from ecr_rl.runs.artefacts import ArtefactCache
        def build(folder):
            (folder / "half").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
        ArtefactCache(Path(sys.argv[1])).build("critic", {"settings": {"steps": 3}, "corpus": "abc"}, build)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [entry for entry in tmp_path.iterdir() if entry.is_dir()]
    part = ArtefactCache(tmp_path).build("critic", KEY, _builder)
    assert not (part.folder / "half").exists()
    assert [entry for entry in tmp_path.iterdir() if entry.is_dir()] == [part.folder]


def test_concurrent_builders_share_one_part(tmp_path: Path) -> None:
    built: list[int] = []

    def slow(folder: Path) -> dict[str, float]:
        built.append(1)
        time.sleep(0.2)
        return _builder(folder)

    parts: list[Path] = []
    work = [
        threading.Thread(target=lambda: parts.append(ArtefactCache(tmp_path).build("critic", KEY, slow).folder))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len(built) == 1
    assert len(set(parts)) == 1 and len(parts) == 4


def test_a_builder_whom_the_lock_did_not_reach_takes_the_winners_part(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path)

    def overtaken(folder: Path) -> dict[str, float]:
        other = tmp_path / "elsewhere"
        os.rename(ArtefactCache(other).build("critic", KEY, lambda f: {"r2": 0.9}).folder, cache.folder("critic", KEY))
        return _builder(folder)

    assert cache.build("critic", KEY, overtaken).figures == {"r2": 0.9}
    assert not list(tmp_path.glob(".critic-*.*.*"))


def test_a_damaged_key_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    cache = ArtefactCache(tmp_path)
    part = cache.build("critic", KEY, _builder)
    (part.folder / "key.json").write_text("{")
    with pytest.raises(ModelError, match="Delete the folder"):
        cache.build("critic", KEY, _builder)


def test_a_recommender_is_known_by_its_emotions_and_dialogues(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("so sad\t0\tid\n")
    line = f"recommender.emotions={tmp_path}"

    def key(*more: str) -> str:
        return key_hash(settings_key(load_config("demo", [line, *more]), "recommender"))

    keys = [key(), key("recommender.refit=false"), key("recommender.without=[ridge]"), key("ppo.epochs=1")]
    (tmp_path / "train.tsv").write_text("so happy\t0\tid\n")
    keys.append(key())
    assert keys[0] == keys[3]
    assert len(set(keys)) == 4


def test_a_critic_made_before_takes_the_place_of_the_runs_own(tmp_path: Path) -> None:
    critic = tmp_path / "critics" / "people"
    lines = [f"critic.folder={critic}", f"cache={tmp_path}/cache"]
    with RunFolder.create(tmp_path / "run", load_config("demo", lines)) as run:
        pipeline = Pipeline(load_config("demo", lines), run)
        with pytest.raises(ConfigError, match=r"critic\.folder=.*people: no critic there, critic\.json is missing"):
            pipeline.critic()
        critic.mkdir(parents=True)
        (critic / "critic.json").write_text(CARD)
        assert pipeline.critic() == critic
        assert json.loads((run.path / "artefacts.json").read_text())["critic"]["folder"] == str(critic)


def test_a_run_goes_on_with_its_parts_whatever_the_code_is_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config("demo", [f"cache={tmp_path}/cache"])
    begun = ArtefactCache(tmp_path / "cache").build("recommender", KEY, _builder).folder
    with RunFolder.create(tmp_path / "run", config) as run:
        Pipeline(config, run).parts.give("recommender", begun)
    monkeypatch.setattr("ecr_rl.parts_pipeline.code_version", lambda build: "other code")
    with RunFolder.create(tmp_path / "run", config, resume=True) as run:
        assert Pipeline(config, run).recommender() == begun
        (begun / "weights").write_text("1 2 4")
        with pytest.raises(RunError, match=r"its recommender in .* is not what the run began with"):
            Pipeline(config, run).recommender()


def test_a_critic_is_known_by_the_labels_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    monkeypatch.setattr(Pipeline, "_artefact", lambda self, kind, key, *rest: keys.append(key_hash(key)))
    (tmp_path / "labels.json").write_text(CARD)
    for scores in ("1", "2", "2"):
        (tmp_path / "part.parquet").write_text(scores)
        config = load_config("demo", [f"labels.folder={tmp_path}"])
        with RunFolder.create(tmp_path.parent / f"run-{len(keys)}", config) as run:
            Pipeline(config, run).critic()
    assert keys[0] != keys[1] == keys[2]


def test_a_local_model_is_known_by_its_files(tmp_path: Path) -> None:
    assert model_version("tiny") == "tiny"
    weights = tmp_path / "here" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_text("1")
    before, alone = model_version(str(weights.parent)), model_version(str(weights))
    copy = shutil.copytree(weights.parent, tmp_path / "there")
    os.utime(copy / weights.name, (1, 1))
    assert model_version(str(copy)) == before
    (copy / "planner").mkdir()
    (copy / "planner" / "planner.json").write_text("{}")
    assert model_version(str(copy)) != before
    weights.write_text("2")
    assert model_version(str(weights.parent)) != before
    assert model_version(str(weights)) != alone


def test_a_setting_that_takes_a_path_stands_in_a_key_by_what_lies_there(tmp_path: Path) -> None:
    def key(emotions: Path) -> dict[str, object]:
        return settings_key(load_config("demo", [f"recommender.emotions={emotions}"]), "recommender")

    here = tmp_path / "here"
    here.mkdir()
    (here / "train.tsv").write_text("so sad\t0\tid\n")
    before = key(here)
    assert key(shutil.copytree(here, tmp_path / "there")) == before
    (here / "train.tsv").write_text("so happy\t0\tid\n")
    assert key(here) != before


def test_ratings_of_people_are_read_once_and_enter_the_keys_of_what_learns_from_them(tmp_path: Path) -> None:
    file = tmp_path / "ratings" / "turns.jsonl"
    file.parent.mkdir()
    file.write_text('{"context": ["seeker: Hi"], "response": "Hello!", "ratings": {"overall": [4, 5]}}\n')

    def keys() -> list[dict[str, object]]:
        config = load_config("demo", [f"people.ratings=[{file.parent}]"])
        return [settings_key(config, stage) for stage in ("people", "people_selecting", "people_reporting")]

    before = keys()
    with RunFolder.create(tmp_path / "run", load_config("demo", [f"people.ratings=[{file.parent}]"])) as run:
        pipeline = Pipeline(run.config, run)
        assert [rated.ratings["overall"] for people in pipeline.ratings() for rated in people.replies] == [(4, 5)]
        file.write_text(file.read_text().replace("5", "1"))
        assert pipeline.ratings()[0].replies[0].ratings["overall"] == (4, 5)
    assert all(key != old for key, old in zip(keys(), before, strict=True))
    assert settings_key(load_config("demo", [f"people.ratings=[{file.parent}]"]), "labels") == settings_key(
        load_config("demo"), "labels"
    )
    with RunFolder.create(tmp_path / "without", load_config("demo")) as run:
        assert Pipeline(run.config, run).ratings() == ()


def test_who_seeks_does_not_make_the_responder_anew() -> None:
    other = ["env.seeker=replay", "env.horizon=3", "env.max_turns=7", "env.seeker_model.model=another"]

    def key(*changes: str) -> dict[str, object]:
        return settings_key(load_config("demo", changes), "responder")

    assert key(*other) == key()
    assert key("env.max_history=3") != key()


def test_a_part_from_outside_enters_a_key_by_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "keyed_evaluator.py"
    config = load_config("demo", ["evaluation.reporting=keyed_evaluator:Own", "ppo.selecting=keyed_evaluator:Own"])
    module.write_text("class Own:\n    factor = 1\n")
    evaluators = [settings_key(config, stage) for stage in ("reporting_evaluator", "selecting_evaluator")]
    others = settings_key(config, "responder")
    module.write_text('class Own:\n    """Its docstring does not count."""\n\n    factor = 1\n')
    assert [settings_key(config, stage) for stage in ("reporting_evaluator", "selecting_evaluator")] == evaluators
    module.write_text("class Own:\n    factor = 2\n")
    assert settings_key(config, "reporting_evaluator") != evaluators[0]
    assert settings_key(config, "selecting_evaluator") != evaluators[1]
    assert settings_key(config, "responder") == others
