"""What commands print is readable on every terminal, and JSON is UTF-8."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.text import Text

from ecr_rl.commands.output import replace_unencodable, show
from tests.envs.redial_files import write_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], io.BytesIO]:
    """Make stdout a stream of an encoding; its bytes."""

    def stdout(encoding: str) -> io.BytesIO:
        content = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding=encoding, errors="strict"))
        replace_unencodable()
        return content

    return stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_utf_8_whatever_stdouts_encoding(printed: Callable[[str], io.BytesIO], encoding: str) -> None:
    content = printed(encoding)
    show({"title": "Amélie 🎬", "file": "a\udce9"}, as_json=True)
    sys.stdout.flush()
    assert json.loads(content.getvalue().decode("utf-8"))["title"] == "Amélie 🎬"


def test_what_a_terminal_cannot_show_is_replaced(printed: Callable[[str], io.BytesIO]) -> None:
    content = printed("ascii")
    show({}, as_json=False, view=Text("Amélie \udce9"))
    sys.stdout.flush()
    assert content.getvalue().decode("ascii").strip() == "Am?lie ?"


def test_an_error_is_one_line_without_control_characters_on_an_ascii_terminal(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "Amélie\x1b[31m", train=["{"])
    done = subprocess.run(
        [sys.executable, "-m", "ecr_rl", "data", "stats", "--source", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr
    assert b"train_data.jsonl, line 1: not JSON" in done.stderr
