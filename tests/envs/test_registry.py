"""Parts by name: registered ones, own ones as ``module:attribute``, and what a mistyped name is answered."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from envs.errors import ConfigError
from envs.registry import Registry, build, call


def test_a_part_is_found_by_name_and_by_where_it_stands() -> None:
    parts: Registry[object] = Registry("part", {"path": Path, "late": "pathlib:PurePath"})
    assert parts.get("path") is Path
    assert parts.get("late").__name__ == "PurePath"  # pyright: ignore[reportAttributeAccessIssue]
    assert parts.get("json:JSONDecoder.decode").__name__ == "decode"  # pyright: ignore[reportAttributeAccessIssue]
    assert parts.names() == ["path", "late"]


def test_checking_a_name_imports_nothing() -> None:
    parts: Registry[object] = Registry("part", {"late": "this:s"})
    assert parts.check("late") == "late"
    assert parts.check("antigravity:fly") == "antigravity:fly"
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("profil", "no seeker 'profil'. Did you mean profile?"),
        ("xyz", "Known: profile"),
        ("no_such_module:Seeker", "no module no_such_module"),
        ("json:Seeker", "module json has no Seeker"),
        ("not a path:x", "no seeker 'not a path:x'"),
    ],
)
def test_a_wrong_name_is_answered_with_what_is_wrong(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(").replace(".", r"\.").replace("?", r"\?")):
        Registry("seeker", {"profile": "envs.settings:EnvSettings"}).get(name)


def test_a_name_is_not_taken_twice() -> None:
    parts: Registry[object] = Registry("part", {"path": Path})
    parts.register("path", Path)
    with pytest.raises(ConfigError, match="already"):
        parts.register("path", dict)


def test_an_extended_registry_leaves_the_first_as_it_is() -> None:
    parts: Registry[object] = Registry("part", {"path": Path})
    assert parts.extended({"late": "pathlib:PurePath"}).names() == ["path", "late"]
    assert parts.names() == ["path"]


class Doubling(Protocol):
    """What the parts of these tests can do."""

    factor: int

    def double(self, number: int) -> int:
        """Twice the number."""
        ...


class Half:
    """Lacks both."""

    def __init__(self, size: int) -> None:
        """Take a size."""


def test_a_part_is_made_and_checked() -> None:
    parts: Registry[Any] = Registry("part", {"half": Half, "number": 3})
    with pytest.raises(ConfigError, match="part half: Half has no double, factor"):
        build(parts, "half", Doubling, 1)
    with pytest.raises(ConfigError, match=r"part half takes \(size: .*called with \(int, int\): too many"):
        call(parts, "half", 1, 2)
    with pytest.raises(ConfigError, match="part number: a int stands there"):
        call(parts, "number")


def test_an_import_error_inside_an_own_module_stays_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_broken_part.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        Registry[object]("part").get("own_broken_part:Part")
