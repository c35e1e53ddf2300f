"""The floors: imports go down only, the world knows no learner, settings load no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("envs", "algorithms", "ecr_rl")
HEAVY = {"torch", "ray", "transformers"}
LONGEST_FILE = 400


def _modules(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_go_down_only(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :]) | {"tests"}
    upwards = [f"{file}: {name}" for file in _modules(floor) for name in _imports(file) if name.split(".")[0] in above]
    assert not upwards


def test_the_world_imports_no_learner() -> None:
    heavy = [f"{file}: {name}" for file in _modules("envs") for name in _imports(file) if name.split(".")[0] in HEAVY]
    assert not heavy


@pytest.mark.parametrize("module", ["ecr_rl.config", "ecr_rl.cli", "envs.conversation", "envs.corpus"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("floor", FLOORS)
def test_no_file_is_too_long(floor: str) -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in _modules(floor)}
    assert not {str(file): length for file, length in lengths.items() if length > LONGEST_FILE}
