"""Insert a run's figures into a Markdown page: replace the block between two markers by generated text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ecr_rl.report.facts import facts_sentence
from ecr_rl.report.record import Report
from ecr_rl.report.summary import markdown_table
from envs.errors import DataError
from envs.files import write_text
from envs.heads import Head


def insert_report(page: Path, name: str, report: Report, heads: Sequence[Head]) -> None:
    """Put a run's figures between ``<!-- report NAME -->`` and ``<!-- /report -->``.

    Args:
        page: a Markdown file.
        name: the run's name in the marker.
        report: the run's report.
        heads: the heads that the run scores.

    Raises:
        DataError: the page cannot be read or has no such markers.
    """
    insert_block(page, "report", name, f"{facts_sentence(report.facts)}\n\n{markdown_table(report, heads)}")


def insert_block(page: Path, kind: str, name: str, text: str) -> None:
    """Replace the text between ``<!-- KIND NAME -->`` and ``<!-- /KIND -->``.

    Args:
        page: a Markdown file.
        kind: the block's kind.
        name: the name in its marker.
        text: the new text, which ends with a line break.

    Raises:
        DataError: the page cannot be read or has no such markers.
    """
    try:
        before = page.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=page, remedy="Name a Markdown file.") from error
    opening, closing = f"<!-- {kind} {name} -->", f"<!-- /{kind} -->"
    block = re.compile(re.escape(opening) + ".*?" + re.escape(closing), re.DOTALL)
    if not block.search(before):
        raise DataError(f"has no block {opening} … {closing}", file=page, remedy="Add the two markers.")
    write_text(page, block.sub(lambda _: f"{opening}\n{text}{closing}", before))
