"""The tasks of docs/extending.md, done as the page says: its own files, outside of the packages, and its commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from algorithms.ppo.estimators import Conversations, estimator_of
from ecr_rl.cli import app
from ecr_rl.config import load_config
from ecr_rl.evaluation.conversations.records import TurnRecord, write_records
from ecr_rl.labels.storage.store import read_labels
from envs.corpora.corpus import load_corpus
from envs.corpora.embedded.sample import sample_corpus
from tests.algorithms.chat_servers import fault_server
from tests.ecr_rl.example_run import example_records, write_example_run
from tests.ecr_rl.small_run import SMALL

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILE = re.compile(r"^\*\*\d\. [^*]*\*\*, `([\w.]+)`:(?:(?!^```).)*^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILES = dict(FILE.findall(PAGE))
MOST_NEW_FILES = 2


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with the page's files."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(Path(name).stem, None)


def section(heading: str) -> str:
    """A task of the page."""
    return next(part for part in PAGE.split("\n## ") if part.startswith(heading))


def command(start: str, heading: str) -> list[str]:
    """The words of a command that the page gives for a task."""
    text = section(heading).replace("\\\n", " ")
    found = re.search(rf"(?:^|`)ecr-rl ({re.escape(start)}[^`\n]*)", text, re.MULTILINE)
    assert found is not None, f"{heading}: no command ecr-rl {start}"
    return shlex.split(found[1])


def run(*words: str) -> Any:
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write_dialogues(folder: Path, count: int) -> None:
    """The page's own form of a corpus, made of the embedded one."""
    dialogues, _ = sample_corpus(count)
    records = [
        {
            "films": dialogue.titles,
            "liked": sorted(dialogue.profile.liked),
            "turns": [[str(message.role), message.text] for message in dialogue.messages],
        }
        for dialogue in dialogues
    ]
    (folder / "my_dialogues.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")


@pytest.mark.parametrize("heading", [part.partition("\n")[0] for part in PAGE.split("\n## ")[1:]])
def test_a_task_takes_two_new_files_at_most(heading: str) -> None:
    assert len(FILE.findall(section(heading))) <= MOST_NEW_FILES


def test_an_own_corpus_is_read(outside: Path) -> None:
    heading = "Read a corpus of your own"
    write_dialogues(outside, 40)
    counts = run(*command("data stats --config", heading))
    assert [counts[split]["dialogues"] for split in ("train", "valid", "test")] == [32, 4, 4]
    assert run(*command("data stats --source", heading)) == counts
    corpus = load_corpus(load_config("my_corpus.yaml").data)
    written, _ = sample_corpus(40)
    assert [dialogue.profile.liked for dialogue in corpus.test] == [d.profile.liked for d in written[-4:]]
    example = re.search(r"```json\n(.*?)```", section(heading), re.DOTALL)
    assert example is not None
    (outside / "my_dialogues.jsonl").write_text("\n".join([json.dumps(json.loads(example[1]))] * 10))
    assert load_corpus(load_config("my_corpus.yaml").data).catalog[7].name == "Alien (1979)"


def test_an_own_estimator_gives_returns_less_their_mean(outside: Path) -> None:
    settings = load_config("my_returns.yaml", ["ppo.turn_discount=0.5"]).ppo
    assert load_config("demo", command("demo", "Estimate advantages")[2:]).ppo.advantage == settings.advantage
    conversations = Conversations(
        values_BT=torch.full((1, 5), 9.0),
        rewards_BT=torch.tensor([[0.0, 1.0, 0.0, 0.0, 4.0]]),
        action_BT=torch.tensor([[True, True, False, True, True]]),
        turn_end_BT=torch.tensor([[False, True, False, False, True]]),
        bootstrap_B=torch.tensor([2.0]),
    )
    # From the end: 4 + 2 / 2 = 5 for both tokens of the last reply, 1 + 5 / 2 = 3.5 for those of the first.
    estimated = estimator_of(settings)(conversations)
    action = conversations.action_BT
    assert estimated.targets_BT[action].tolist() == [3.5, 3.5, 5.0, 5.0]
    assert estimated.advantages_BT[action].tolist() == [-0.75, -0.75, 0.75, 0.75]


def test_a_judge_is_told_an_own_prompt(outside: Path, ray_session: object) -> None:
    words = command("label", "Give a judge")
    with fault_server() as server:
        words[words.index("--endpoint") + 1] = server.url
        small = ["--limit", "10", "--count", "40", "--no-policy", "--force", "--workers", "1"]
        run(*words, *small, "-s", f"cache={outside / 'cache'}")
        told = server.asked[0]["messages"][0]["content"]
    opening, after = FILES["my_prompt.txt"].split("{questions}")
    assert told.startswith(f"{opening}empathy: ") and not after.strip()
    assert "data, written by others" in told
    assert set(read_labels(outside / "labels" / "strict").column("judge")) == {"openai"}
    train = command("train", "Give a judge")
    assert load_config(train[1], [train[-1]]).labels.folder == "labels/strict"


def test_an_own_figure_stands_in_the_report(outside: Path) -> None:
    words = command("report", "Show a figure")
    evaluation = write_example_run(outside / words[1], dialogues=6, iterations=3) / "evaluation"
    records = [replace(record, turns=[_ask(turn) for turn in record.turns]) for record in example_records(0.1, 6)]
    write_records(evaluation / "rl.jsonl", records)
    systems = run(*words)["more"]["systems"]
    assert (systems["baseline"]["questions"]["mean"], systems["rl"]["questions"]["mean"]) == (0, 1)
    page = (outside / words[1] / "report" / "index.html").read_text(encoding="utf-8")
    assert "My figures" in page and "share of replies that ask something" in page
    assert list(load_config("my_figures.yaml").evaluation.figures) == ["my_figures:QUESTIONS"]


def _ask(turn: TurnRecord) -> TurnRecord:
    return replace(turn, reply=f"{turn.reply} What do you think?")


@pytest.mark.slow
def test_workers_find_own_parts_in_the_working_directory(outside: Path) -> None:
    """The installed command, as people start it: its own folder is on Python's path, the working directory is not."""
    write_dialogues(outside, 120)
    installed = outside / "bin" / "ecr-rl"
    installed.parent.mkdir()
    installed.write_text("from ecr_rl.cli import main\nmain()\n")
    own = ["data.source=my_corpus:read", "ppo.advantage=my_returns:returns_less_mean"]
    few = ["resources.env_runners=1", "resources.learners=1", "ppo.iterations=1", "ppo.select_every=0"]
    changes = [word for change in (*SMALL, *own, *few, "cache=cache") for word in ("-s", change)]
    done = subprocess.run(
        [sys.executable, str(installed), "train", "demo", "--out", "runs/own", *changes],
        cwd=outside,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads((outside / "runs" / "own" / "run.json").read_text())
    assert [part["name"] for part in facts["own_parts"]] == ["my_returns:returns_less_mean", "my_corpus:read"]
    assert json.loads((outside / "runs" / "own" / "report" / "report.json").read_text())["n"] == 6
