"""A run's figures go between a page's markers, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_rl.report.insert import check_block, insert_block, insert_report
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


def page_of(tmp_path: Path, content: str | bytes) -> Path:
    page = tmp_path / "page.md"
    page.write_bytes(content.encode() if isinstance(content, str) else content)
    return page


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("<!-- results a -->\nlost\nwords\n<!-- results b -->\nold\n<!-- /results -->\n", "before <!-- results b -->"),
        ("<!-- results a -->\n<!-- report b -->\n<!-- /report -->\n<!-- /results -->\n", "before <!-- report b -->"),
        ("<!-- results a -->\nold\n<!-- /report -->\n", "has no end"),
        ("<!-- results a -->\nold\n", "has no end"),
        ("<!-- results a -->\n```\n<!-- /results -->\n```\n", "has no end"),
        ("```\n<!-- results a -->\nold\n<!-- /results -->\n```\n", "has no block"),
        ("Write `<!-- results a -->` and `<!-- /results -->`.\n", "has no block"),
        ("> ```\n> <!-- results a -->\n> <!-- /results -->\n> ```\n", "has no block"),
        ("    <!-- results a -->\n    <!-- /results -->\n", "has no block"),
        ("<pre>\n<!-- results a -->\n<!-- /results -->\n</pre>\n", "has no block"),
        ("- ```\n  <!-- results a -->\n  <!-- /results -->\n  ```\n", "has no block"),
        ("A line with <!-- results a -->\n<!-- /results -->\n", "has no block"),
        (b"\xe9 page\n<!-- results a -->\n<!-- /results -->\n", "is not UTF-8 text"),
        ("<!-- results a -->\n<!-- /results -->\n".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_a_page_that_cannot_take_the_block_is_refused_and_left(tmp_path: Path, content: str | bytes, what: str) -> None:
    page = page_of(tmp_path, content)
    before = page.read_bytes()
    for refuse in (lambda: check_block(page, "results", "a"), lambda: insert_block(page, "results", "a", "new\n")):
        with pytest.raises(DataError, match=what):
            refuse()
    assert page.read_bytes() == before


def test_code_between_the_markers_and_around_them_stays_code(tmp_path: Path) -> None:
    example = "~~~~md\n<!-- results a -->\n~~~\n<!-- /results -->\n~~~~\n"
    page = page_of(tmp_path, f"{example}<!-- results a -->\n```\n<!-- /results -->\n```\n<!--/results-->\n{example}")
    insert_block(page, "results", "a", "new\n")
    assert page.read_text() == f"{example}<!-- results a -->\nnew\n<!--/results-->\n{example}"


@pytest.mark.parametrize("example", ["- ```\n  code\n  ```\n", "<pre>code</pre>\n", "> ```\n> code\n> ```\n", "\ufeff"])
def test_a_block_after_an_example_is_found(tmp_path: Path, example: str) -> None:
    page = page_of(tmp_path, f"{example}<!-- results a -->\n<!-- /results -->\n")
    insert_block(page, "results", "a", "new\n")
    assert page.read_text() == f"{example}<!-- results a -->\nnew\n<!-- /results -->\n"


def test_line_ends_mark_link_and_rights_stay(tmp_path: Path) -> None:
    page = page_of(tmp_path, b"\xef\xbb\xbfone\r\n<!-- results a -->\r\nold\r\n<!-- /results -->\r\ntwo\x0c\r\n")
    page.chmod(0o640)
    (tmp_path / "docs").mkdir()
    link = tmp_path / "docs" / "link.md"
    link.symlink_to(page)
    insert_block(link, "results", "a", "new\nmore\n")
    assert link.is_symlink()
    assert page.read_bytes() == (
        b"\xef\xbb\xbfone\r\n<!-- results a -->\r\nnew\r\nmore\r\n<!-- /results -->\r\ntwo\x0c\r\n"
    )
    assert page.stat().st_mode & 0o777 == 0o640


def test_every_block_of_the_name_is_replaced_and_no_other(tmp_path: Path) -> None:
    block = "<!-- results a -->\nold\n<!-- /results -->\n"
    page = page_of(tmp_path, f"{block}words\n{block}{block.replace(' a ', ' b ')}")
    insert_block(page, "results", "a", "new\n")
    new = block.replace("old", "new")
    assert page.read_text() == f"{new}words\n{new}{block.replace(' a ', ' b ')}"


def test_no_page_needs_no_block() -> None:
    check_block(None, "results", "a")
