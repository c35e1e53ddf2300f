from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ecr_rl.cli import app
from ecr_rl.config import load_config
from ecr_rl.pipeline import Pipeline
from ecr_rl.report.record import Report
from ecr_rl.report.report import write_report
from ecr_rl.runs.folder import RunFolder
from ecr_rl.tables import with_interval
from tests.commands import parse_command
from tests.ecr_rl.example_run import write_example_run

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["demo", "train", "evaluate", "report", "results", "status", "doctor"]
COMMANDS += [
    "data stats",
    "data prepare",
    "critic train",
    "critic evaluate",
    "critic sensitivity",
    "critic score",
    "bench critic",
    "bench recommend",
    "recommend train",
    "recommend evaluate",
    "recommend ask",
    "label",
    "label import",
    "label merge",
    "respond train",
    "respond evaluate",
    "seekers",
    "seekers fidelity",
    "submit",
]


def invoke(line: str) -> Any:
    return CliRunner().invoke(app, line.split())


@pytest.fixture(scope="module")
def known_report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = write_example_run(tmp_path_factory.mktemp("run"), dialogues=10, iterations=5)
    write_report(folder)
    return Report.read(folder / "report" / "report.json", remedy="Write it anew")


@pytest.fixture
def stub_pipeline(monkeypatch: pytest.MonkeyPatch, known_report: Report) -> None:
    """The stages without their work: they print, as libraries do, and give a report."""

    def report(self: Pipeline) -> Report:
        with self._run.stage("ppo", 1) as stage:
            print("a library writes to stdout")
            stage.update(1, 1, {"reward": 0.5})
        return known_report

    monkeypatch.setattr(Pipeline, "report", report)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_teaches_by_examples_that_parse(command: str) -> None:
    result = invoke(f"{command} --help")
    assert result.exit_code == 0
    examples = [line.strip() for line in result.stdout.split("Examples:")[1].splitlines() if line.strip()]
    assert examples
    for example in examples:
        parse_command(example)


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = "import sys, ecr_rl.cli; print([name for name in ('torch', 'ray', 'transformers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    done = subprocess.run([sys.executable, "-m", "ecr_rl", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "doctor" in done.stdout


def test_demo_prints_one_json_object_and_the_rest_elsewhere(
    tmp_path: Path, stub_pipeline: None, known_report: Report
) -> None:
    result = invoke(f"demo --out {tmp_path / 'run'} --seed 7 --json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == known_report.to_json()
    assert "a library writes to stdout" in result.stderr
    assert "ppo: done" in result.stderr
    config = RunFolder.open(tmp_path / "run").config
    assert (config.seed, config.critic.seed, config.supervised.seed, config.data.seed) == (7, 7, 7, 0)


def test_train_shows_a_table_and_where_the_report_lies(
    tmp_path: Path, stub_pipeline: None, known_report: Report
) -> None:
    result = invoke(f"train demo --out {tmp_path / 'run'} -s ppo.iterations=3")
    assert result.exit_code == 0, result.output
    for section in (known_report.systems.baseline, known_report.systems.rl, known_report.difference):
        assert with_interval(section["reward"]) in result.stdout
    assert str(tmp_path / "run" / "report" / "index.html") in result.stdout.replace("\n", "")
    assert RunFolder.open(tmp_path / "run").config.ppo.iterations == 3


def test_train_goes_to_a_folder_of_its_name(
    tmp_path: Path, stub_pipeline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("train demo -s name=mine --json").exit_code == 0
    assert (tmp_path / "runs" / "mine" / "config.yaml").is_file()


def test_an_existing_run_is_refused_without_resume(tmp_path: Path, stub_pipeline: None) -> None:
    assert invoke(f"train demo --out {tmp_path / 'run'}").exit_code == 0
    refused = invoke(f"train demo --out {tmp_path / 'run'}")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert "--resume" in refused.stderr and "Traceback" not in refused.stderr
    assert invoke(f"train demo --out {tmp_path / 'run'} --resume").exit_code == 0


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("train demo -s ppo.iteratons=3", 2, "Did you mean ppo.iterations?"),
        ("train rediall-cpu", 2, "Did you mean the profile redial-cpu"),
        ("train demo --iterations 3", 2, "No such option"),
        ("trian demo", 2, "No such command"),
        ("status nowhere", 1, "no run there"),
        ("evaluate nowhere", 1, "no run there"),
        ("report nowhere", 1, "no run there"),
        ("critic evaluate nowhere", 2, "nowhere is no folder"),
        ("status nowhere --watch --json", 2, "take one of them"),
        ("data stats --source nowhere.zip", 1, "nowhere.zip"),
        ("data stats --source ~nosuchuser/redial.zip", 2, "'~nosuchuser' is no user's home"),
        (f"data stats --source {'x' * 300}", 2, "File name too long"),
        (f"status {'x' * 300}", 2, "File name too long"),
        (f"train {'x' * 300}.yaml", 2, "File name too long"),
        (f"train demo --out {'x' * 300}", 2, "File name too long"),
    ],
)
def test_errors_are_one_clear_message(line: str, code: int, said: str) -> None:
    result = invoke(line)
    assert result.exit_code == code
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_dry_run_prints_settings_sizes_and_memory(tmp_path: Path) -> None:
    result = invoke(f"train redial-gpu -s resources.gpus=4 --dry-run --json --out {tmp_path / 'run'}")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["config"]["resources"]["gpus"] == 4
    assert plan["parameters"]["policy"] == 124_439_808  # DialoGPT-small is GPT-2 small
    counts = {worker["kind"]: worker["count"] for worker in plan["workers"]}
    assert counts == {"driver": 1, "learner": 4, "env_runner": 4}
    assert all(worker["bytes"] > 2**28 for worker in plan["workers"])
    assert not (tmp_path / "run").exists()
    llama = json.loads(invoke("train baseline-llama2 --dry-run --json").stdout)
    assert llama["parameters"]["policy"] == 6_738_415_616  # as Llama 2's paper counts it; nothing is downloaded
    assert sum(worker["bytes"] for worker in llama["workers"] if worker["device"] == "gpu") < 80e9
    text = invoke("train redial-cpu --dry-run -s policy.lora.rank=16 -s ppo.iterations=11").stdout
    assert "trained: 4,884,480" in text  # rank 16 on every linear layer of SmolLM2
    assert "env_runner x 2 (cpu)" in text
    assert "iterations: 11" in text
    runners = [
        next(worker["bytes"] for worker in json.loads(invoke(line).stdout)["workers"] if worker["kind"] == "env_runner")
        for line in (f"train redial-cpu --dry-run --json -s env.seeker={seeker}" for seeker in ("profile", "model"))
    ]
    assert runners[1] - runners[0] == 4 * 134_515_008  # SmolLM2 in float32 behind the seeker, in each runner


def test_status_reads_the_folder_alone(tmp_path: Path, stub_pipeline: None) -> None:
    invoke(f"demo --out {tmp_path / 'run'}")
    shown = invoke(f"status {tmp_path / 'run'}")
    assert shown.exit_code == 0
    assert "finished" in shown.stdout and "reward=0.5" in shown.stdout
    assert json.loads(invoke(f"status {tmp_path / 'run'} --json").stdout)["stage"] == "ppo"
    assert "finished" in invoke(f"status {tmp_path / 'run'} --watch").stdout


def test_doctor_tells_what_there_is_and_what_it_costs(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(bytes(50 * 2**20))
    result = invoke(f"doctor --json --cache {tmp_path}")
    findings = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    wanted = {"python", "cores", "memory", "disk", "GPU", "bfloat16", "packages", "model MiniLM", "ReDial"}
    assert wanted <= findings.keys()
    assert findings["cache"]["found"] == f"0.05 GiB in {tmp_path}"
    assert all(check["cost"] for check in findings.values() if check["level"] != "ok")
    assert invoke(f"doctor --cache {tmp_path}").exit_code == result.exit_code


def test_doctor_says_what_the_cpus_bfloat16_is_good_for(tmp_path: Path, cpu_has_bf16: bool) -> None:
    checks = json.loads(invoke(f"doctor --json --cache {tmp_path}").stdout)["checks"]
    check = next(check for check in checks if check["name"] == "bfloat16")
    if cpu_has_bf16:
        assert check["level"] == "ok" and "policy.dtype=bfloat16 uses it, auto does not" in check["found"]
    else:
        assert check["level"] == "note" and "policy.dtype=bfloat16 is slower" in check["cost"]


def test_data_stats_of_the_real_corpus(shared_data: Path) -> None:
    result = invoke(f"data stats --source {shared_data / 'redial' / 'redial_dataset.zip'} --json")
    test = json.loads(result.stdout)["test"]
    assert test["dialogues"] == 1342
    assert test["full"] == {"cases": 4198, "mentions": 4975}
    assert test["dedup"] == {"cases": 3838, "mentions": 4472}


def test_only_the_json_reaches_the_real_stdout() -> None:
    command = [sys.executable, "-m", "ecr_rl", "data", "prepare", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert facts["name"] == "sample"
    assert sum(facts["dialogues"].values()) >= 2000


def test_the_packaged_profiles_are_found_away_from_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config("demo").name == "demo"
