"""The layout: floors and rooms whose imports go down only, rooms of 3 to 20 files, light settings."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = ("envs", "algorithms", "ecr_rl")
HEAVY = {"torch", "ray", "transformers"}
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
SMALLEST_ROOM, LARGEST_ROOM = 3, 20


@cache
def _modules() -> Mapping[str, Path]:
    """Every module of the three floors by its dotted name; a package stands for its ``__init__.py``."""
    files = (file for floor in FLOORS for file in sorted((ROOT / floor).rglob("*.py")))
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _imports(module: str) -> Iterator[str]:
    """What a module imports anywhere, by dotted name; of ``from a import b`` the module ``a.b`` where it is one."""
    file = _modules()[module]
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{file}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in _modules() else node.module


def _room(module: str) -> str:
    """The sub-package that a module lies in; a module directly on a floor is a room of its own."""
    folder = _modules()[module].parent.relative_to(ROOT)
    return module if len(folder.parts) == 1 else ".".join(folder.parts)


def _circles(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """What can be reached from itself."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = list(arrows.get(start, ()))
        while ahead:
            name = ahead.pop()
            if name not in seen:
                seen.add(name)
                ahead += arrows.get(name, ())
        return seen

    return sorted(name for name in arrows if name in reached(name))


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body: the options in a command's signature and its help are long and read straight."""
    body = function.body[ast.get_docstring(function) is not None :]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_go_down_only(floor: str) -> None:
    above = set(FLOORS[FLOORS.index(floor) + 1 :]) | {"tests"}
    modules = [module for module in _modules() if module.split(".")[0] == floor]
    assert not [f"{module}: {name}" for module in modules for name in _imports(module) if name.split(".")[0] in above]


def test_rooms_form_no_circle() -> None:
    arrows: dict[str, set[str]] = {}
    for module in _modules():
        below = {_room(name) for name in _imports(module) if name in _modules()}
        arrows.setdefault(_room(module), set()).update(below - {_room(module)})
    assert not _circles(arrows)


def test_modules_form_no_circle() -> None:
    assert not _circles(
        {name: {other for other in _imports(name) if other in _modules() and other != name} for name in _modules()}
    )


def test_a_room_is_neither_a_cupboard_nor_a_hall() -> None:
    rooms: dict[Path, int] = {}
    for file in _modules().values():
        if file.name != "__init__.py":
            rooms[file.parent] = rooms.get(file.parent, 0) + 1
    sizes = {str(room.relative_to(ROOT)): count for room, count in rooms.items()}
    assert not {room: count for room, count in sizes.items() if count > LARGEST_ROOM}
    holds_rooms = {str(room.parent.relative_to(ROOT)) for room in rooms}
    assert not {room: n for room, n in sizes.items() if n < SMALLEST_ROOM and room not in holds_rooms}


def test_a_room_says_its_idea_and_what_to_open_first() -> None:
    rooms = [file for file in _modules().values() if file.name == "__init__.py" and file.parent.parent != ROOT]
    silent = [str(file) for file in rooms if "Open ``" not in (ast.get_docstring(_tree(file)) or "")]
    assert not silent


def test_the_world_imports_no_learner() -> None:
    modules = [module for module in _modules() if module.split(".")[0] == "envs"]
    assert not [f"{module}: {name}" for module in modules for name in _imports(module) if name.split(".")[0] in HEAVY]


@pytest.mark.parametrize("module", ["ecr_rl.config", "ecr_rl.cli", "envs.conversation", "envs.corpora.corpus"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_file_and_no_function_is_too_long() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in _modules().values()}
    assert not {str(file): length for file, length in lengths.items() if length > LONGEST_FILE}
    functions = [
        (str(file), node.name, _body_lines(node))
        for file in _modules().values()
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert not [entry for entry in functions if entry[2] > LONGEST_FUNCTION]
