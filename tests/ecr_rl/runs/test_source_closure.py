"""Which code decides a part: what changes its key, what does not, and that nothing is forgotten."""

from __future__ import annotations

import ast
import inspect
import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from ecr_rl.parts_pipeline import PartsPipeline
from ecr_rl.runs.source_closure import INFRASTRUCTURE, PACKAGES, Sources, closure_of, code_version, source_hash
from envs.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
BUILDERS = {
    name: f"{PartsPipeline.__module__}:PartsPipeline.{name}"
    for name, method in vars(PartsPipeline).items()
    if inspect.isfunction(method) and ("self._artefact(" in inspect.getsource(method) or name == "policy_replies")
}
"""The methods that make a part, by their name."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages."""
    root = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def versions(root: Path) -> dict[str, str]:
    return {name: code_version(builder, root) for name, builder in BUILDERS.items()}


def changed_by(root: Path, module: str, before: dict[str, str]) -> set[str]:
    """The builders whose version changes when a statement is put at the end of a module."""
    file = Sources.under(root).file(module)
    assert file is not None
    source = file.read_text()
    file.write_text(f"{source}\n_ADDED = 1\n")
    try:
        return {name for name, version in versions(root).items() if version != before[name]}
    finally:
        file.write_text(source)


def test_all_parts_are_looked_at() -> None:
    assert set(BUILDERS) == {
        "instruments",
        "labels",
        "people",
        "critic",
        "reporting_evaluator",
        "selecting_evaluator",
        "people_selecting",
        "people_reporting",
        "recommender",
        "responder",
        "policy_replies",
    }


def test_a_copy_of_the_packages_has_the_same_versions(tree: Path) -> None:
    assert versions(tree) == {name: code_version(builder) for name, builder in BUILDERS.items()}


def test_a_statement_in_any_module_changes_the_parts_that_reach_it(tree: Path) -> None:
    reached = {name: closure_of(builder, tree) for name, builder in BUILDERS.items()}
    before = versions(tree)
    for module in sorted(set().union(*reached.values())):
        assert changed_by(tree, module, before) == {name for name in BUILDERS if module in reached[name]}, module


@pytest.mark.parametrize(
    ("module", "parts"),
    [
        (
            "envs.film_text.everyday_words",
            {"labels", "critic", "reporting_evaluator", "selecting_evaluator", "recommender", "responder"},
        ),
        ("envs.turns.replies", {"policy_replies", "labels"}),
        ("envs.turns.state", {"policy_replies", "labels"}),
        ("ecr_rl.labels.labelled", {"reporting_evaluator", "selecting_evaluator"}),
        ("ecr_rl.labels.storage.store", {"labels", "critic"}),
        ("algorithms.critic.progress", {"critic"}),
        ("algorithms.readers.frozen_sentences", {"instruments", "labels", "recommender", "responder"}),
        ("algorithms.evaluators.regression_figures", {"critic", "reporting_evaluator", "selecting_evaluator"}),
        ("ecr_rl.labels.judging.rubric", {"labels", "reporting_evaluator", "selecting_evaluator", "responder"}),
        ("algorithms.policy.decoding", {"policy_replies"}),
    ],
)
def test_what_is_used_far_below_decides(module: str, parts: set[str]) -> None:
    assert parts <= {name for name, builder in BUILDERS.items() if module in closure_of(builder)}


def test_what_judges_and_reports_does_not_make_the_critic_anew() -> None:
    upstairs = ("ecr_rl.report", "ecr_rl.commands", "ecr_rl.sweep", "ecr_rl.submission", "algorithms.ppo")
    for builder in BUILDERS.values():
        assert not [module for module in closure_of(builder) if module.startswith(upstairs)]


def test_comments_and_docstrings_change_nothing(tree: Path) -> None:
    before = versions(tree)
    files = [file for package in PACKAGES for file in (tree / package).rglob("*.py")]
    sources = {file: file.read_text() for file in files}
    for file, source in sources.items():
        file.write_text(f"{_with_other_docstrings(source)}\n# why\n'''Of an attribute.'''\n")
    assert versions(tree) == before
    for file, source in sources.items():
        file.write_text(source)


def _with_other_docstrings(source: str) -> str:
    module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body[0] = ast.Expr(ast.Constant("Other words."))
    return ast.unparse(module)


@pytest.mark.parametrize("module", sorted(INFRASTRUCTURE))
def test_infrastructure_is_there_has_its_reason_and_decides_nothing(module: str, tree: Path) -> None:
    assert len(INFRASTRUCTURE[module].split()) > 2
    assert changed_by(tree, module, versions(tree)) == set()


def test_infrastructure_that_nothing_imports_is_not_listed() -> None:
    reached = set().union(*(closure_of(builder) for builder in BUILDERS.values())) | {"ecr_rl.parts_pipeline"}
    files = [Sources.under(ROOT).file(module) for module in reached]
    text = "\n".join(file.read_text() for file in files if file is not None)
    assert not [module for module in INFRASTRUCTURE if module not in text]


def test_a_data_file_of_a_reached_package_counts(tree: Path) -> None:
    before = versions(tree)
    file = tree / "envs" / "phrases" / "words.txt"
    file.parent.mkdir()
    file.write_text("so sad")
    with_words = versions(tree)
    assert not set(before.values()) & set(with_words.values())
    file.write_text("so happy")
    assert not set(versions(tree).values()) & set(with_words.values())
    shutil.rmtree(file.parent)
    assert versions(tree) == before


def test_the_description_of_a_setting_changes_nothing(tmp_path: Path) -> None:
    versions = []
    for default, description in ((1, "so many"), (1, "how many"), (2, "how many")):
        write(tmp_path, {"envs/some.py": f"a: int = setting({default}, gt=0, description='{description}')"})
        versions.append(code_version("envs.some", tmp_path))
    assert versions[0] == versions[1] != versions[2]


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))


def test_imports_are_followed_wherever_they_stand(tmp_path: Path) -> None:
    build = """
        from typing import TYPE_CHECKING
        import envs.plain
        from ..ecr_rl.beside import helper
        if TYPE_CHECKING:
            from envs.unseen import Hint
        PARTS = {"late": "envs.named:Part"}
        def make():
            from envs import lazy
            from envs.folder import reexported
    """
    write(
        tmp_path,
        {
            "ecr_rl/build.py": build,
            "ecr_rl/beside.py": "",
            "envs/__init__.py": "",
            "envs/folder/__init__.py": "from .inner import reexported",
            "envs/folder/inner.py": "",
            **{f"envs/{name}.py": "" for name in ("plain", "lazy", "unseen", "named")},
        },
    )
    (tmp_path / "ecr_rl" / "build.py").write_text(textwrap.dedent(build).replace("..ecr_rl.beside", ".beside"))
    reached = closure_of("ecr_rl.build", tmp_path)
    expected = {"envs.plain", "envs.lazy", "envs.named", "envs.folder", "envs.folder.inner", "ecr_rl.beside", "envs"}
    assert reached == expected | {"ecr_rl.build"}


def test_a_method_brings_what_it_uses_and_no_other_part(tmp_path: Path) -> None:
    module = """
        from envs import top, other
        LIMIT = top.limit
        class Stages:
            def critic(self):
                def build():
                    return self.judge(), {limit}
                return self._artefact(build, self.labels())
            def labels(self):
                return self._artefact(other.build)
            def judge(self):
                from envs import judged
            def _artefact(self, *given):
                return other.keep(given)
    """
    names = ("top", "other", "judged")
    write(tmp_path, {"ecr_rl/stages.py": module.format(limit="LIMIT"), "envs/__init__.py": ""})
    write(tmp_path, {f"envs/{name}.py": "" for name in names})
    builder = "ecr_rl.stages:Stages.critic"
    assert closure_of(builder, tmp_path) == {"envs", "envs.top", "envs.judged"}
    before = code_version(builder, tmp_path)
    write(tmp_path, {"ecr_rl/stages.py": module.format(limit="LIMIT + 1")})
    assert code_version(builder, tmp_path) != before


def test_a_builder_that_is_not_there_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match="decides a part"):
        code_version("numpy.random")
    with pytest.raises(ModuleNotFoundError, match="decides a part"):
        code_version("ecr_rl.parts_pipeline:PartsPipeline.cook")


def test_a_class_from_outside_is_known_by_its_source_and_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    files = {
        "own_judge.py": "import own_words\nclass Judge:\n    rule = 'own_rule:score'\n",
        "own_words.py": "WORDS = 1\n",
        "own_rule.py": "RULE = 1\n",
        "else_.py": "X = 1\n",
    }
    write(tmp_path, files)
    before = source_hash("own_judge:Judge")
    write(tmp_path, {"else_.py": "X = 2\n", "own_judge.py": files["own_judge.py"] + "# why\n"})
    assert source_hash("own_judge:Judge") == before
    write(tmp_path, {"own_words.py": "WORDS = 2\n"})
    after = source_hash("own_judge:Judge")
    assert after != before
    write(tmp_path, {"own_rule.py": "RULE = 2\n"})
    assert source_hash("own_judge:Judge") not in (before, after)
    write(tmp_path, {"own_rule.py": "RULE = 1\n"})
    import own_judge  # pyright: ignore[reportMissingImports]

    assert source_hash(own_judge.Judge) == after
    del sys.modules["own_judge"], sys.modules["own_words"]


def test_a_class_from_an_outside_package_is_known_by_that_packages_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    write(
        tmp_path, {"own_parts/__init__.py": "", "own_parts/head.py": "from own_parts import words\nclass Head: ...\n"}
    )
    write(tmp_path, {"own_parts/words.py": "WORDS = 1\n"})
    before = source_hash("own_parts.head:Head")
    write(tmp_path, {"own_parts/words.py": "WORDS = 2\n"})
    assert source_hash("own_parts.head:Head") != before


@pytest.mark.parametrize("given", ["no_such_module:Judge", "itertools:chain"])
def test_a_class_without_source_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="no Python source"):
        source_hash(given)
