"""A seventh head from outside, between ``overall`` and ``bleu``: every number stands under its own name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithms.critic.critic import Critic
from algorithms.evaluators.ridge import WordRidge
from ecr_rl.config import RunConfig, load_config
from ecr_rl.evaluation.conversations.definitions import main_figures, more_figures
from ecr_rl.evaluation.conversations.records import TurnRecord, read_records
from ecr_rl.labels.storage.store import read_labels, schema_of
from ecr_rl.runs.artefacts import head_versions
from envs.builtin_heads import heads_of
from envs.errors import ConfigError
from envs.heads import RESERVED, Exchange, Head
from envs.rewards import LENGTH, RULES, HeadReference
from tests.ecr_rl.own_head import LONG, NAMES, long_of, write_config, write_module
from tests.ecr_rl.small_run import SMALL
from tests.known_heads import HEADS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the head's module in it."""
    _work_in(tmp_path, monkeypatch)
    return write_module(tmp_path)


def _work_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find own modules in this folder, and in no other test's."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_heads", raising=False)


# --- the config


def test_a_config_takes_the_weight_of_the_heads_definition(module: Path) -> None:
    config = load_config(write_config(module))
    assert [head.name for head in config.head_definitions] == list(NAMES)
    assert config.reward.weights == {**load_config("demo").reward.weights, "long": 0.125}
    changed = load_config(write_config(module), ["reward.weights.long=0.5"])
    assert changed.reward.weights == {**config.reward.weights, "long": 0.5}
    assert load_config("demo", [f"heads={json.dumps(list(config.heads))}"]).reward == config.reward
    alone = load_config(write_config(module, reward={"weights": {"long": 1.0}}))
    assert alone.reward.weights == {"long": 1.0}


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (["overall", "my_heads:SHORT"], "my_heads has no SHORT"),
        (["overall", "humour"], "no head 'humour'"),
        (["overall", "no_such_heads:HEAD"], "no module no_such_heads"),
        (["my_heads:LONG", "bleu"], "overall is missing"),
        (["overall", "bleu", "overall"], "two heads are called overall"),
        (["overall", "bleu"], r"unknown reward heads \['long'\]; the heads are overall, bleu"),
    ],
)
def test_heads_that_cannot_be_are_refused_with_the_key(module: Path, heads: list[str], message: str) -> None:
    reward = {"weights": {"long": 1.0}} if heads == ["overall", "bleu"] else {}
    with pytest.raises(ConfigError, match=message) as refused:
        load_config(write_config(module, heads=heads, reward=reward))
    assert "mine.yaml" in str(refused.value) and "heads" in str(refused.value)


def test_another_formula_makes_other_labels(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = head_versions(["overall", "my_heads:LONG"])
    (module / "my_heads.py").write_text(LONG.replace("/ 40", "/ 50"))
    monkeypatch.delitem(sys.modules, "my_heads")
    after = head_versions(["overall", "my_heads:LONG"])
    assert before[0] == after[0] and before[1] != after[1]


def test_no_head_can_take_the_name_of_what_stands_beside_heads() -> None:
    head = Head(name="own", rubric="json:loads", measures="", question="1, 3, 5.")
    own = {f"{kind}own" for kind in ("", "held_out_", "second_", "rubric_")}
    figures = {figure.name for figure in (*main_figures([head]), *more_figures([head]))} - own
    figures = {name.removeprefix("held_out_") for name in figures}
    figures |= {name.removeprefix("rubric_") for name in figures}
    assert {*schema_of(()).names, *RULES, LENGTH, "random", "mean", "net_reward", *figures} <= RESERVED


# --- the whole way


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by the installed command in a folder that holds two files: the head's module and the config."""
    folder = write_module(tmp_path_factory.mktemp("own"))
    write_config(folder)
    changes = [*SMALL, "critic.steps=30", "labels.count=300", "labels.policy=false", "ppo.iterations=1"]
    words = [word for change in [*changes, f"cache={folder / 'cache'}"] for word in ("-s", change)]
    command = [str(Path(sys.executable).parent / "ecr-rl"), "train", "mine.yaml", "--out", "run", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "run"


@pytest.fixture
def config(finished: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    _work_in(finished.parent, monkeypatch)
    return load_config(finished / "config.yaml")


def _part(run: Path, kind: str) -> Path:
    return Path(json.loads((run / "artefacts.json").read_text())[kind]["folder"])


def _turns(run: Path) -> list[TurnRecord]:
    records = [*read_records(run / "evaluation" / "rl.jsonl"), *read_records(run / "evaluation" / "baseline.jsonl")]
    return [turn for record in records for turn in record.turns]


def test_labels_stand_under_their_names(finished: Path) -> None:
    table = read_labels(_part(finished, "labels"))
    assert table.heads == NAMES and table.lower == {"long"}
    replies = table.column("reply")
    assert table.column("long") == pytest.approx([long_of(reply) for reply in replies], abs=1e-4)
    humans = [kind == "human" for kind in table.column("kind")]
    assert [score is None for score in table.column("bleu")] == humans
    assert None not in table.column("overall")


def test_the_critic_learns_each_head_as_its_own(finished: Path) -> None:
    table = read_labels(_part(finished, "labels")).select(split="valid")
    scores = Critic.load(_part(finished, "critic")).score(table.exchanges)
    assert scores.heads == NAMES and scores.lower == {"long"}
    labels = table.labels
    fits = {
        name: np.corrcoef(scores.mean[:, NAMES.index("long")], labels.values[:, labels.heads.index(name)])[0, 1]
        for name in ("overall", "long")
    }
    assert fits["long"] > 0.9 > fits["overall"]


def test_fewer_words_pay_and_every_part_is_its_heads(finished: Path, config: RunConfig) -> None:
    reference = HeadReference.load(finished / "reference.json")
    assert reference.heads == NAMES
    for turn in _turns(finished):
        assert tuple(turn.heads) == NAMES
        for place, name in enumerate(NAMES):
            sign = -1 if name == "long" else 1
            deviations = sign * (turn.heads[name] - reference.mean[place]) / reference.std[place]
            paid = config.reward.weights[name] * min(config.reward.cap, deviations)
            assert turn.parts[name] == pytest.approx(paid, abs=1e-9)
    iterations = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    shown = next(line for line in iterations if line["stage"] == "ppo" and "reward_mean" in line)
    assert {f"{kind}_{name}" for name in NAMES for kind in ("head", "reward")} <= set(shown)


def test_evaluators_that_no_training_saw_judge_it_too(finished: Path) -> None:
    judged = tuple(name for name in NAMES if name != "bleu")
    for turn in _turns(finished):
        assert tuple(turn.held_out) == tuple(turn.rubric) == judged
        spoken = any(map(str.isalnum, turn.reply))  # a reply without words has the worst score, whatever is measured
        assert turn.rubric["long"] == pytest.approx(long_of(turn.reply) if spoken else 1.0, abs=1e-6)
    evaluator = WordRidge.load(_part(finished, "reporting_evaluator"))
    few, many = (Exchange((), " ".join(["A film about a house."] * times)) for times in (1, 7))
    less, more = evaluator.scores([few, many])[:, evaluator.heads.index("long")]
    assert more > less + 0.2, "its column is the head's own"


def test_the_report_shows_it_and_reads_a_fall_as_better(finished: Path, config: RunConfig) -> None:
    report: dict[str, Any] = json.loads((finished / "report" / "report.json").read_text())
    for section in (*report["systems"].values(), report["difference"]):
        assert {"long", "held_out_long", *HEADS} <= set(section)
    assert {"second_long", "rubric_long", "part_long"} <= set(report["more"]["difference"])
    directions = {figure.name: figure.better for figure in main_figures(config.head_definitions)}
    assert directions["long"] == directions["held_out_long"] == "lower" != directions["overall"]
    asked = {criterion["name"]: criterion["asked"] for criterion in report["bars"]}
    assert asked["Held-out long"] == "upper end below +0.2 deviations"
    page = (finished / "report" / "index.html").read_text()
    assert ">Long<" in page and "my_heads:LONG" in page


def test_a_folder_of_other_heads_is_refused(finished: Path, tmp_path: Path) -> None:
    from ecr_rl.pipeline import Pipeline
    from ecr_rl.runs.folder import RunFolder

    config = load_config("demo", [f"critic.folder={_part(finished, 'critic')}", f"cache={tmp_path / 'cache'}"])
    with RunFolder.create(tmp_path / "run", config) as run, pytest.raises(ConfigError, match=r"critic\.folder=.*long"):
        Pipeline(config, run).critic()


def test_definitions_are_found_by_name(finished: Path, config: RunConfig) -> None:
    assert heads_of(config.heads)[NAMES.index("long")].title == "Long"
