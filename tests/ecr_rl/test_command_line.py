"""What holds for every command: how a run is said, ``-s``, what ``--help`` lists, what Tab completes."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ecr_rl.cli import SECTIONS, app
from ecr_rl.commands.parts import CARDS, part_of
from ecr_rl.config import RunConfig, load_config
from ecr_rl.pipeline import Pipeline
from ecr_rl.runs.folder import RunFolder
from ecr_rl.runs.parts import RunParts
from ecr_rl.submission.command import parse_words
from envs.errors import ConfigError
from envs.files import write_json

ROOT: Any = typer.main.get_command(app)
WITHOUT_CONFIG = {"critic score", "recommend ask", "status", "tensorboard", "results"}
"""Commands that take a run or a part and read no settings of it."""


def invoke(*words: str, **more: Any) -> Any:
    return CliRunner().invoke(app, list(words), **more)


def leaves(command: Any = ROOT, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by what is typed for it."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, f"{above}{name} ")
    if above and (not hasattr(command, "commands") or command.invoke_without_command):
        yield above.strip(), command


LEAVES = list(leaves())
FORMER = [
    ("evaluate --run runs/a --best-of 2", "evaluate runs/a --best-of 2"),
    ("evaluate --best-of 2 --run=runs/a", "evaluate --best-of 2 runs/a"),
    ("critic evaluate --critic runs/a --split valid", "critic evaluate runs/a --split valid"),
    ("critic score --input - --output - --critic c", "critic score --input - --output - c"),
    ("recommend evaluate --recommender r --rows", "recommend evaluate r --rows"),
    ("recommend ask --recommender r hello", "recommend ask r hello"),
    ("recommend ask --count 3 --recommender r -- -", "recommend ask --count 3 r -- -"),
    ("respond evaluate --responder r --against runs/a", "respond evaluate r --against runs/a"),
    ("bench critic --critic c --rounds 9", "bench critic c --rounds 9"),
    ("bench recommend --recommender r", "bench recommend r"),
]


@pytest.mark.parametrize(("former", "now"), FORMER)
def test_an_argument_is_still_taken_as_the_option_it_was(
    former: str, now: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = parse_words(ROOT, now.split())
    assert capsys.readouterr().err == ""
    told = parse_words(ROOT, former.split())
    assert (told.command_path, told.params) == (asked.command_path, asked.params)
    assert "goes with the next version. Write: ecr-rl" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("evaluate runs/a --run runs/b", "--run: it stands there already, as an argument"),
        ("recommend ask r hello --recommender r", "--recommender: it stands there already"),
        ("evaluate --best-of 2 --run", "--run: a folder is missing"),
        ("evaluate", "Missing argument 'RUN'"),
        ("status --run runs/a", "No such option"),
    ],
)
def test_a_run_that_is_said_twice_or_not_at_all_is_one_message(line: str, said: str) -> None:
    result = invoke(*line.split())
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split()) and "Traceback" not in result.stderr


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_no_command_shows_a_run_as_an_option(name: str, command: Any) -> None:
    options = {text for parameter in command.params for text in parameter.opts if text.startswith("--")}
    first = next((parameter for parameter in command.params if parameter.param_type_name == "argument"), None)
    assert "--run" not in options
    assert first is None or f"--{first.name}" not in options


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_every_command_that_reads_settings_takes_them_changed(name: str, command: Any) -> None:
    parameters = {parameter.name: parameter for parameter in command.params}
    takes = {"config", "run", "runs", "critic", "recommender", "responder"} & parameters.keys()
    if takes and name not in WITHOUT_CONFIG:
        assert parameters["changes"].opts == ["-s", "--set"]


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_lists_every_command_once_and_on_one_line(columns: str) -> None:
    text = invoke("--help", env={"COLUMNS": columns}).stdout
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(ROOT.commands)
    assert all(len(re.findall(rf"^  {name} +\S.*\.$", text, re.MULTILINE)) == 1 for name in ROOT.commands)
    assert "..." not in text.split("Examples:")[0].split(f"{next(iter(SECTIONS))}:")[1]


def test_help_of_train_names_every_section_of_a_config() -> None:
    listed = invoke("train", "--help").stdout.split("Stages in their order")[1].split("Arguments:")[0]
    assert all(re.search(rf"\b{name}\b", listed) for name in RunConfig.model_fields)


def completed(line: str) -> list[str]:
    """What bash is offered for the last word of a command line."""
    words = line.split(" ")
    asked = {"_ECR_RL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], env=asked, prog_name="ecr-rl").stdout.split()


def test_tab_completes_commands_configs_runs_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, file in (("runs/demo", "config.yaml"), ("runs/other", "notes"), ("mine", "config.yaml")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / file).touch()
    (tmp_path / "critics" / "a").mkdir(parents=True)
    (tmp_path / "critics" / "a" / CARDS["critic"]).touch()
    (tmp_path / "redial-mine.yaml").touch()
    assert completed("ecr-rl ev") == ["evaluate"]
    assert completed("ecr-rl train redial-") == ["redial-cpu", "redial-gpu", "redial-mine.yaml"]
    assert completed("ecr-rl sweep as") == ["asha"]
    assert completed("ecr-rl evaluate ") == ["mine", "runs/demo"]
    assert completed("ecr-rl status runs/") == ["runs/demo"]
    assert completed("ecr-rl critic evaluate critics/") == ["critics/a"]
    assert completed("ecr-rl evaluate critics/") == []  # the shell offers files
    assert completed("ecr-rl train demo -s ppo.kl_t") == ["ppo.kl_target="]
    assert "policy.lora.rank=" in completed("ecr-rl evaluate mine -s policy.lora.")
    assert "--run" not in completed("ecr-rl evaluate --")


def test_completion_is_installed_for_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))
    monkeypatch.setenv("HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["--install-completion"], prog_name="ecr-rl")
    assert done.exit_code == 0, done.output
    assert "ecr-rl.sh" in (tmp_path / ".bashrc").read_text()
    assert "_ECR_RL_COMPLETE=complete_bash" in (tmp_path / ".bash_completions" / "ecr-rl.sh").read_text()


def test_a_part_is_found_in_its_own_folder_and_in_a_runs(tmp_path: Path) -> None:
    own, run = tmp_path / "own", tmp_path / "run"
    write_json(own / CARDS["critic"], {})
    with RunFolder.create(run, load_config("demo")):
        RunParts(run, tmp_path / "cache").give("critic", own)
    assert part_of(own, "critic") == part_of(run, "critic") == own
    for folder, said in (
        (run, "has no responder on this"),
        (own, "holds no responder"),
        (tmp_path / "no", "is no folder"),
    ):
        with pytest.raises(ConfigError, match=said):
            part_of(folder, "responder")


@pytest.mark.parametrize(
    ("kind", "module"),
    [
        ("critic", "algorithms.critic.critic"),
        ("recommender", "algorithms.recommender.recommender"),
        ("responder", "algorithms.policy.responder"),
    ],
)
def test_parts_are_known_by_the_file_that_they_write(kind: str, module: str) -> None:
    assert CARDS[kind] == importlib.import_module(module).CARD


def test_evaluate_keeps_what_was_changed_and_refuses_what_decides_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pipeline, "evaluate", lambda self: {"dialogues": self._run.config.evaluation.dialogues})
    with RunFolder.create(tmp_path / "run", load_config("demo")):
        pass
    run = str(tmp_path / "run")
    done = invoke("evaluate", run, "-s", "evaluation.dialogues=7", "--json")
    assert done.stdout.strip() == '{"dialogues": 7}'
    assert RunFolder.open(run).config.evaluation.dialogues == 7
    refused = invoke("evaluate", run, "-s", "ppo.kl=0.5")
    assert refused.exit_code == 1 and "ppo.kl: 0.3 -> 0.5" in refused.stderr
    mistyped = invoke("evaluate", run, "-s", "evaluation.dialogs=7")
    assert mistyped.exit_code == 2 and "Did you mean evaluation.dialogues?" in mistyped.stderr


def test_options_refuse_numbers_that_are_not_finite_and_seeds_beyond_32_bits() -> None:
    wrong: list[str] = []
    for command, leaf in leaves():
        for parameter in leaf.params:
            option = parameter.opts[0]
            is_float = parameter.type_descriptor.annotation is float
            for number in ("nan", "inf", "1e400") if is_float else (str(2**32), "-1") if option == "--seed" else ():
                result = invoke(*command.split(), option, number)
                if result.exit_code != 2 or f"Invalid value for '{option}'" not in result.stderr:
                    wrong.append(f"{command} {option} {number}")
    assert not wrong
