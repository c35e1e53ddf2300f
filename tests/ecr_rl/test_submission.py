from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from ray.job_submission import JobStatus
from typer.testing import CliRunner

from ecr_rl.cli import app
from ecr_rl.commands import submit as submit_command
from ecr_rl.config import RunConfig
from ecr_rl.settings_file import described_keys
from ecr_rl.submission import package as package_module
from ecr_rl.submission.command import job_words
from ecr_rl.submission.package import package_of
from ecr_rl.submission.paths import JobPaths, option_paths
from ecr_rl.submission.server import JobServer, is_loopback
from envs.errors import ClusterError, ConfigError
from envs.marks import marks_of
from tests.commands import REFUSALS


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with all that stays behind, and what goes."""
    folder = tmp_path / "tree"
    texts = {
        "ecr_rl/__main__.py": "main()",
        "mine.yaml": "data: {source: dialogues, validation: ids.json#valid}\npolicy: {model: owner/name}\n",
        "ids.json": "{}",
        "dialogues/films.csv": "films",
        ".gitignore": "scratch/\n",
        "scratch/big": "x",
        "data/redial.txt": "x",
        "runs/demo/metrics.jsonl": "x",
        "elsewhere/run.json": "{}",
        "elsewhere/model.safetensors": "x",
        ".venv/bin/python": "x",
        "other-env/pyvenv.cfg": "x",
        "other-env/lib.py": "x",
        "redial_dataset.zip": "x",
        ".env": "SECRET=1",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


def words_of(line: str, *shared: str) -> list[str]:
    places = JobPaths(package_of(Path(".")), [Path(folder) for folder in shared])
    return job_words(typer.main.get_command(app), line.split(), places)


def test_code_and_configs_are_packed_and_nothing_else(tree: Path) -> None:
    package = package_of(Path("."), ["*.csv"])
    assert set(package.files) == {"ecr_rl/__main__.py", "mine.yaml", "ids.json", ".gitignore"}
    assert 0 < package.bytes < 5000
    assert package_of(tree).holds(tree / "dialogues")
    assert not package.holds(tree / "runs")
    assert package.runtime_env()["working_dir"] == str(tree)
    assert {"/elsewhere/", "/other-env/", "*.csv"} <= set(package.runtime_env()["excludes"])


def test_every_module_of_this_repository_is_packed() -> None:
    root = Path(__file__).resolve().parents[2]
    packed = package_of(root).files.keys()
    modules = {
        file.relative_to(root).as_posix()
        for floor in ("envs", "algorithms", "ecr_rl")
        for file in (root / floor).rglob("*.py")
    }
    assert modules <= packed


def test_too_large_a_directory_is_refused_and_its_largest_part_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_module, "upload_limit", lambda: 2 * package_module.MIB)
    (tree / "dialogues" / "more.bin").write_bytes(bytes(3 * package_module.MIB))
    with pytest.raises(ConfigError, match=r"3\.0 MiB.*at most 2 MiB.*dialogues/more\.bin.*--exclude"):
        package_of(tree)
    assert package_of(tree, ["*.bin"]).bytes < package_module.MIB


def test_a_package_counts_as_many_bytes_as_ray_packs(tree: Path, tmp_path: Path) -> None:
    from ray._private.runtime_env.packaging import create_package

    package = package_of(tree)
    create_package(str(tree), tmp_path / "package.zip", True, excludes=[*package.excludes, ".git", ".venv", "venv"])
    packed = (tmp_path / "package.zip").stat().st_size
    assert packed <= package.bytes <= packed + 200 * len(package.files)


def test_parts_from_outside_go_with_the_working_directory(tree: Path) -> None:
    (tree / "own_corpus.py").touch()
    (tree / "scratch" / "own_seeker.py").touch()
    line = "train demo --out /tmp/own -s data.source=own_corpus:read"
    assert "data.source=own_corpus:read" in words_of(line)
    with pytest.raises(ConfigError, match=r"demo: env\.seeker: module own_seeker does not exist"):
        words_of(f"{line} -s env.seeker=own_seeker:Shy")
    places = JobPaths(package_of(Path(".")))
    job_words(typer.main.get_command(app), ["seekers", "demo", "--seeker", "json:JSONDecoder"], places)
    assert [path.name for path in places.outside] == ["__init__.py"], "a module that is installed here"
    with pytest.raises(ConfigError, match=r"--seeker: module own_seeker does not exist"):
        words_of("seekers demo --seeker own_seeker:Shy")


def test_paths_of_command_and_config_resolve(tree: Path) -> None:
    words = words_of("train mine.yaml --out runs/new --resume -s data.metadata=../facts -s seed=3", str(tree.parent))
    assert words[:2] == ["train", "--out"]
    assert words[2] == str(tree / "runs" / "new")
    assert words[-1] == str(tree / "mine.yaml")  # below a shared folder: the cluster's own
    assert f"data.metadata={tree.parent / 'facts'}" in words
    packed = words_of("train mine.yaml --out runs/new -s seed=3")
    assert packed == ["train", "--out", str(tree / "runs" / "new"), "-s", "seed=3", "mine.yaml"]


def test_the_prompt_of_each_judge_resolves(tree: Path) -> None:
    (tree.parent / "strict.txt").write_text("Be strict.")
    judges = "labels: {judge: openai, prompt: ids.json, more_judges: [{judge: rubric}, {judge: openai, prompt: %s}]}\n"
    (tree / "judges.yaml").write_text(judges % "../strict.txt")
    assert words_of("train judges.yaml --out /shared/o", "/shared", str(tree.parent))[3:] == [
        *("-s", f"labels.prompt={tree / 'ids.json'}"),
        *("-s", f"labels.more_judges.1.prompt={tree.parent / 'strict.txt'}"),
        str(tree / "judges.yaml"),
    ]
    (tree / "judges.yaml").write_text(judges % "gone.txt")
    with pytest.raises(ConfigError, match=r"labels\.more_judges\.1\.prompt: .*gone\.txt does not exist"):
        words_of("train judges.yaml --out o")


def test_what_is_not_packed_becomes_absolute_and_is_told(tree: Path) -> None:
    places = JobPaths(package_of(tree))
    words = job_words(
        typer.main.get_command(app),
        ["train", "mine.yaml", "--out", "o", "-s", "data.source=redial_dataset.zip"],
        places,
    )
    assert words[words.index("-s") :][-3:] == ["-s", f"data.source={tree / 'redial_dataset.zip'}", "mine.yaml"]
    assert places.outside == [tree / "redial_dataset.zip", tree / "o"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train mine.yaml --out o -s data.source=nowhere.zip", r"data\.source: .*nowhere\.zip does not exist"),
        ("train mine.yaml --out o -s data.validation=no.json#a", r"data\.validation: .*no\.json does not exist"),
        ("evaluate runs/none", r"run: .*runs/none does not exist"),
        ("critic evaluate critics/x --out o", "critics/x does not exist"),
        ("data stats --source nowhere.zip", "nowhere.zip does not exist"),
        ("train demo", "say --out"),
        ("train demo --out o -s cache=~/mine -s data.metadata=facts", "facts does not exist.*--shared"),
        ("critic score elsewhere --input - --output scores", "a job has none"),
        ("submit train demo --out o", "cannot submit jobs"),
        ("--install-completion", "concerns the shell"),
    ],
)
def test_what_cannot_run_is_said_before_anything_is_sent(tree: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){said}"):
        words_of(line)


def test_a_job_writes_a_run_as_the_argument_it_is(tree: Path) -> None:
    run = str(tree / "runs" / "demo")
    assert words_of("evaluate --run runs/demo --best-of 2") == ["evaluate", "--best-of", "2", run]


def test_settings_of_a_command_without_a_config_resolve(tree: Path) -> None:
    line = "evaluate /shared/run -s evaluation.language_model=runs/demo -s evaluation.dialogues=9"
    words = words_of(line, "/shared")
    assert words[-3:] == ["-s", f"evaluation.language_model={tree / 'runs' / 'demo'}", "/shared/run"]
    assert "evaluation.dialogues=9" in words
    with pytest.raises(ConfigError, match=r"-s: data\.metadata: .*facts does not exist"):
        words_of("respond evaluate elsewhere -s data.metadata=facts")


@pytest.mark.parametrize("line", ["trian demo", "train demo --out o --iterations 5", "train demo --out o -s ppo.x=1"])
def test_a_mistyped_command_is_refused_here(tree: Path, line: str) -> None:
    with pytest.raises(REFUSALS):
        words_of(line)


def test_words_that_are_no_paths_stay(tree: Path) -> None:
    kept = [
        "label",
        "--emotions",
        "lexicon",
        "--acts",
        "rules",
        "--sentences",
        "owner/name",
        "--out",
        "/shared/l",
        "--count",
        "9",
        "--no-policy",
    ]
    words = words_of(" ".join(kept), "/shared")
    assert sorted(words) == sorted(kept)
    line = "train demo --out /shared/o -s data.source=hf:owner/name -s policy.model=owner/name"
    assert words_of(line, "/shared") == [*line.replace(" demo", "").split(), "demo"]
    assert "-s critic.more_encoders=" not in " ".join(words_of("train demo --out /shared/o", "/shared"))


def test_every_setting_that_takes_a_path_is_known() -> None:
    """A new setting whose description speaks of a folder or file must be resolved, too."""
    words = ("folder", "FILE", "JSON file", "a ReDial zip")
    spoken_of = {key for key, said in described_keys(RunConfig) if any(word in said for word in words)}
    spoken_of -= {"name", "mirror"}  # they name the run folder, and an address of its copy
    marked = {key for key, mark in marks_of(RunConfig).items() if mark.path is not None}
    assert {"data.source", "data.validation", "critic.encoder", "policy.model", "cache"} <= spoken_of
    assert marked - spoken_of == {"critic.more_encoders"}
    assert spoken_of <= marked


def test_an_option_takes_what_a_setting_of_its_name_takes() -> None:
    options = option_paths()
    assert options["model"].words == {"tiny", "smollm2", "qwen-1.5b"} and options["model"].hub
    assert options["source"].words == {"sample", "official"} and not options["source"].hub
    assert options["out"].made and options["cache"].made


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:8265", True),
        ("http://localhost:8265", True),
        ("http://[::1]:8265", True),
        ("127.0.0.1:6379", True),
        ("auto", True),
        ("http://10.0.0.3:8265", False),
        ("https://ray.example.com", False),
        ("http://127.0.0.1.example.com", False),
    ],
)
def test_loopback_is_told_from_the_rest(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


class StubClient:
    """Ray's client without a cluster: one job that ends as it is told."""

    def __init__(self, address: str) -> None:
        self.ended: dict[str, Any] = {"status": JobStatus.SUCCEEDED, "driver_exit_code": 0}
        self.sockets = [["one\n", "two\n"]]

    def get_job_info(self, job: str) -> Any:
        facts = {"submission_id": job, "entrypoint": "python", "start_time": 1000, "end_time": 2000, "message": None}
        return SimpleNamespace(**facts, **self.ended)

    async def tail_job_logs(self, job: str) -> Any:
        for text in self.sockets.pop(0):
            if text == "broken":
                self.ended = {"status": JobStatus.RUNNING, "driver_exit_code": None}
                raise RuntimeError("WebSocket connection closed unexpectedly with close code 1006")
            self.ended = {"status": JobStatus.SUCCEEDED, "driver_exit_code": 0}
            yield text


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> JobServer:
    monkeypatch.setattr("ray.job_submission.JobSubmissionClient", StubClient)
    monkeypatch.setattr(JobServer, "_greet", lambda self: None)
    return JobServer("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [("SUCCEEDED", 0, 0), ("FAILED", 3, 3), ("FAILED", None, 1), ("FAILED", -9, 137), ("STOPPED", None, 143)],
)
def test_exit_codes_are_the_jobs(server: JobServer, status: str, code: int | None, told: int) -> None:
    server._client.ended = {"status": JobStatus(status), "driver_exit_code": code}  # pyright: ignore
    assert server.state("a").exit_code == told


def test_a_broken_log_stream_goes_on_and_repeats_nothing(server: JobServer) -> None:
    server._client.sockets = [["one\n", "tw", "broken"], ["one\ntwo\n", "three\n"]]  # pyright: ignore
    written: list[str] = []
    assert server.follow("a", written.append).exit_code == 0
    assert "".join(written) == "one\ntwo\nthree\n"


def test_a_server_that_is_not_there_is_one_message() -> None:
    result = CliRunner().invoke(app, ["submit", "--address", "http://127.0.0.1:1", "--status"])
    assert result.exit_code == 1
    assert "no job server answers at http://127.0.0.1:1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_given_address_wins_over_rays_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:2")
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1"):
        JobServer("http://127.0.0.1:1")
    result = CliRunner().invoke(app, ["submit", "--status"])
    assert "no job server answers at http://127.0.0.1:2" in result.stderr


def test_an_address_beyond_this_machine_is_warned_of(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str) -> None:
        raise ClusterError("not today")

    monkeypatch.setattr(submit_command, "JobServer", refuse)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "never-to-be-seen")
    result = CliRunner().invoke(
        app, ["submit", "--address", "http://10.1.2.3:8265", "train", "mine.yaml", "--out", "o"]
    )
    assert result.exit_code == 1
    assert "runs any code" in result.stderr
    assert "unencrypted" in result.stderr
    assert "never-to-be-seen" not in result.output
    near = CliRunner().invoke(app, ["submit", "--address", "http://127.0.0.1:8265", "train", "mine.yaml", "--out", "o"])
    assert "runs any code" not in near.stderr
