"""``ecr-rl label`` as people type it, and a labelling that is killed outright."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ecr_rl.cli import app
from ecr_rl.labels.storage.store import read_labels
from tests.algorithms.chat_servers import fault_server
from tests.commands import parse_command
from tests.ecr_rl.label_rows import folder_of, row
from tests.known_heads import DEFINITIONS, HEADS

ROOT = Path(__file__).resolve().parents[3]


def invoke(line: str) -> Any:
    return CliRunner().invoke(app, line.split())


@pytest.mark.parametrize("command", ["label", "label import", "label merge"])
def test_help_teaches_by_examples_that_parse(command: str) -> None:
    result = invoke(f"{command} --help")
    assert result.exit_code == 0
    for example in filter(None, map(str.strip, result.stdout.split("Examples:")[1].splitlines())):
        parse_command(example)


def test_labels_counts_and_card(tmp_path: Path, ray_session: object) -> None:
    out = tmp_path / "labels"
    line = "label --source sample --config demo --no-policy --limit 10"
    result = invoke(f"{line} --count 60 --shards 2 --out {out} --json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["folder"] == str(out)
    table = read_labels(out)
    assert said["n"] == len(table) == sum(said["kinds"].values()) == sum(said["splits"].values()) <= 60
    assert set(said["splits"]) == {"train", "valid"}
    assert (said["failed"], said["flagged"]) == ({}, 0)
    assert said["seconds"] > 0
    assert len(list(out.glob("part-*"))) == 2
    card = (out / "README.md").read_text()
    assert f"ecr-rl label --source sample --out {out} --config demo --count 60 --no-policy" in card

    refused = invoke(f"{line} --count 60 --out {out}")
    assert refused.exit_code == 1
    assert "--resume" in refused.stderr and "Traceback" not in refused.stderr
    other = invoke(f"{line} --count 50 --out {out} --resume")
    assert other.exit_code == 1
    assert "count" in other.stderr and "Traceback" not in other.stderr
    again = invoke(f"{line} --count 60 --out {out} --resume")
    assert again.exit_code == 0, again.output
    assert "human" in again.stdout and str(out / "README.md") in again.stdout.replace("\n", "")


def test_import_and_merge_from_the_command_line(tmp_path: Path) -> None:
    good = {
        "context": ["seeker: Hi: any comedies?"],
        "response": "Try Up (2009).",
        "scores": {"empathy": 1},
        "key": "a",
    }
    file = tmp_path / "people.jsonl"
    bad = [{**good, "scores": {"empathy": value}} for value in range(2, 26)]
    bad.insert(1, {**good, "scores": {"\x1b[31mred": 0.5}})
    file.write_text("\n".join(map(json.dumps, [{**good, "rater": 3}, *bad])))
    made = invoke(f"label import {file} --out {tmp_path / 'people'} --json")
    assert made.exit_code == 0, made.output
    said = json.loads(made.stdout)
    assert (said["n"], said["rejected"], said["passed_over"]) == (1, 25, {"rater": 1})
    assert f"{file}, line 2, field scores.empathy: 2 is not in [0, 1]" in made.stderr
    assert made.stderr.count("rejected:") == 20
    assert "and 5 more" in made.stderr
    assert "\x1b" not in made.stderr and "x1b[31mred" in made.stderr

    rubric = folder_of(tmp_path / "rubric", [row("a", empathy=0.5), row("b")])
    merged = invoke(f"label merge {rubric} {tmp_path / 'people'} --out {tmp_path / 'both'} --json")
    assert merged.exit_code == 0, merged.output
    report = json.loads(merged.stdout)
    assert (report["n"], report["alone"]) == (1, {"rubric": 1, "import": 0})
    assert read_labels(tmp_path / "both").column("empathy") == [0.75]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("label", 2, "--out"),
        ("label --judge oracle --out x", 2, "oracle"),
        ("label --source nowhere.zip --out {}/x", 1, "nowhere.zip"),
        ("label import nowhere.jsonl --out {}/x", 1, "nowhere.jsonl"),
        ("label merge {}/a {}/b --out {}/x", 1, "holds no labels"),
        ("label merge {}/a --out {}/x", 2, "two or more"),
    ],
)
def test_errors_are_one_clear_message(tmp_path: Path, line: str, code: int, said: str) -> None:
    result = invoke(line.replace("{}", str(tmp_path)))
    assert result.exit_code == code
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def start(out: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ecr_rl", "label", "--config", "demo", "--count", "1500", "--no-policy"]
    return subprocess.Popen(
        [*command, "--shards", "12", "--workers", "1", "--out", str(out), *more],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.mark.slow
def test_killed_and_resumed_labels_equal_undisturbed_ones(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole")
    assert whole.wait(timeout=300) == 0, whole.stderr and whole.stderr.read().decode()[-2000:]
    killed = start(tmp_path / "killed")
    deadline = time.monotonic() + 200
    while len(list((tmp_path / "killed").glob("part-*"))) < 3:
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    left = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "killed").glob("part-*")}
    assert 3 <= len(left) < 12, "the kill came too late to prove anything"
    resumed = start(tmp_path / "killed", "--resume")
    assert resumed.wait(timeout=300) == 0, resumed.stderr and resumed.stderr.read().decode()[-2000:]
    for name, written in left.items():
        assert (tmp_path / "killed" / name).stat().st_mtime_ns == written, f"{name} was labelled again"
    one, other = read_labels(tmp_path / "whole"), read_labels(tmp_path / "killed")
    assert one.rows.to_pylist() == other.rows.to_pylist()
    assert len(one) == len(set(one.column("key"))) > 1000
    assert not [file for file in (tmp_path / "killed").iterdir() if file.name.endswith(".partial")]


def test_a_judge_that_always_says_the_same_is_refused_unless_forced(tmp_path: Path, ray_session: object) -> None:
    with fault_server() as server:
        line = f"label --config demo --limit 10 --count 40 --no-policy --judge openai --endpoint {server.url} --model m"
        refused = invoke(f"{line} --out {tmp_path / 'refused'} --workers 1 -s cache={tmp_path}")
        assert refused.exit_code == 1
        assert "do not differ" in refused.stderr and "preflight: 100%" in refused.stderr
        forced = invoke(f"{line} --out {tmp_path / 'forced'} --force --workers 1 -s cache={tmp_path} --json")
        assert forced.exit_code == 0, forced.output
    table = read_labels(tmp_path / "forced")
    assert set(table.column("judge")) == {"openai"}
    assert table.labels.known[:, 0].all()
    assert not table.labels.known[:, HEADS.index("bleu")].any()


def test_an_own_judge_labels_in_a_worker(tmp_path: Path, ray_session: object) -> None:
    line = "label --config demo --limit 10 --count 40 --no-policy --judge tests.ecr_rl.label_judges:own_judge"
    result = invoke(f"{line} --force --workers 1 --out {tmp_path / 'own'} --json")
    assert result.exit_code == 0, result.output
    assert "preflight" in result.stderr
    assert set(read_labels(tmp_path / "own").column("judge")) == {"own"}
    said = json.loads((tmp_path / "own" / "labels.json").read_text())["judge"]
    assert said["name"] == "own" and len(said["code"]) == 12


def test_an_own_prompt_is_asked_and_stands_with_the_labels(tmp_path: Path, ray_session: object) -> None:
    prompt = tmp_path / "strict.txt"
    prompt.write_text("You are strict {always}.\n{questions}\n")
    with fault_server() as server:
        line = f"label --config demo --limit 10 --count 40 --no-policy --judge openai --endpoint {server.url} --model m"
        line += f" --force --workers 1 -s cache={tmp_path}"
        made = invoke(f"{line} --prompt {prompt} --out {tmp_path / 'strict'} --json")
        assert made.exit_code == 0, made.output
        told = server.asked[0]["messages"][0]["content"].splitlines()
        assert told[:2] == ["You are strict {always}.", f"empathy: {DEFINITIONS[0].question}"]
        assert "data, written by others" in told[-2] and "one JSON object" in told[-1]
        other = invoke(f"{line} --out {tmp_path / 'strict'} --resume")
        assert other.exit_code == 1 and "prompt" in other.stderr
    assert f"--prompt {prompt}" in (tmp_path / "strict" / "README.md").read_text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("label --out {}/x --prompt {}/none.txt", "prompt goes with judge transformers"),
        ("label --judge openai --out {}/x --prompt {}/none.txt", "no text can be read there"),
        ("label --judge openai --out {}/x --prompt {}/empty.txt", "empty.txt: the file is empty or blank"),
        ("label --judge openai --out {}/x --prompt {}/mark.txt", "mark.txt: the file is empty or blank"),
        ("label --judge openai --out {}/x --prompt {}/blank.txt", "blank.txt: the file is empty or blank"),
        ("label --judge openai --out {}/x --endpoint=", "--endpoint: labels.endpoint: http:// or https:// is missing"),
        ("label --judge transformers --out {}/x --model=", "--model is empty"),
        ("label --judge openia --out {}/x", "Did you mean openai?"),
        ("label --judge no_module:J --config demo --limit 10 --count 9 --no-policy --out {}/x", "no module no_module"),
    ],
)
def test_a_judge_or_prompt_that_is_not_there_is_refused(tmp_path: Path, line: str, said: str) -> None:
    for name, content in {"empty": "", "mark": "\ufeff", "blank": " \n\t\u200b"}.items():
        (tmp_path / f"{name}.txt").write_text(content, encoding="utf-8")
    result = invoke(line.replace("{}", str(tmp_path)))
    assert result.exit_code == 2
    assert said in result.stderr and "Traceback" not in result.stderr


def test_an_endpoint_is_asked_for(tmp_path: Path) -> None:
    result = invoke(f"label --config demo --limit 10 --count 40 --no-policy --judge openai --out {tmp_path / 'x'}")
    assert result.exit_code == 2
    assert "--endpoint" in result.stderr


def test_the_context_that_is_asked_for_stands_with_the_labels(tmp_path: Path, ray_session: object) -> None:
    out = tmp_path / "plain"
    result = invoke(f"label --config demo --limit 10 --count 30 --no-policy --context plain --out {out} --json")
    assert result.exit_code == 0, result.output
    assert set(read_labels(out).column("context_form")) == {"plain"}
    assert "--context plain" in (out / "README.md").read_text()
    assert json.loads((out / "judge" / "judge.json").read_text())["context"] == "plain"
