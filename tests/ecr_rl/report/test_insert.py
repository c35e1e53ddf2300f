"""A run's figures go between a page's markers, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_rl.report.insert import insert_block, insert_report
from ecr_rl.report.report import write_report
from envs.errors import DataError
from tests.ecr_rl.example_run import write_example_run
from tests.known_heads import DEFINITIONS


def test_block_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    write_example_run(tmp_path / "run")
    report = write_report(tmp_path / "run")
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- report demo -->\nold\n<!-- /report -->\nafter\n")
    for _ in range(2):  # a second time changes nothing
        insert_report(page, "demo", report, DEFINITIONS)
        text = page.read_text()
        assert text.startswith("before\n<!-- report demo -->\n")
        assert text.endswith("<!-- /report -->\nafter\n")
        assert "old" not in text
        assert text.count("| `reward` |") == 1
        assert "PPO iterations" in text


def test_page_without_markers_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here")
    with pytest.raises(DataError, match=r"page\.md.*report demo"):
        insert_block(page, "report", "demo", "new\n")
    with pytest.raises(DataError, match=r"missing\.md"):
        insert_block(tmp_path / "missing.md", "report", "demo", "new\n")
