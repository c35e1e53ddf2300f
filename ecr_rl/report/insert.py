"""Insert a run's figures into a Markdown page: replace the block between two markers by generated text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from ecr_rl.report.facts import facts_sentence
from ecr_rl.report.record import Report
from ecr_rl.report.summary import markdown_table
from envs.errors import DataError
from envs.files import write_bytes
from envs.heads import Head
from envs.inputs.text import read_bytes

KINDS = ("report", "results", "critic", "recommend", "respond", "sweep", "fidelity", "people", "sensitivity")
"""What a block can be."""

_MARKER = re.compile(rf"<!--[ \t]*(?P<end>/?)(?P<kind>{'|'.join(KINDS)})\b[ \t]*(?P<name>[^\n]*?)[ \t]*-->")
_LINE_END = re.compile(r"\r\n?|\n")
_OPAQUE = re.compile(r" {0,3}<(?:(?:pre|script|style|textarea)\b|!--(?![^\n]*-->))", re.IGNORECASE)
"""The start of HTML that shows its lines as they are, or comments them out."""


def insert_report(page: Path, name: str, report: Report, heads: Sequence[Head]) -> None:
    """Put a run's figures between ``<!-- report NAME -->`` and ``<!-- /report -->``.

    Args:
        page: a Markdown file.
        name: the run's name in the marker.
        report: the run's report.
        heads: the heads that the run scores.

    Raises:
        DataError: see ``insert_block``.
    """
    insert_block(page, "report", name, f"{facts_sentence(report.facts)}\n\n{markdown_table(report, heads)}")


def insert_block(page: Path, kind: str, name: str, text: str) -> None:
    """Replace the text between ``<!-- KIND NAME -->`` and ``<!-- /KIND -->``, wherever the page has that block.

    A marker stands alone on its line, from the first column; in code (between fences, in ``<pre>``) it is none. The
    page keeps its line ends, its access rights and, if it is a link, the link.

    Args:
        page: a Markdown file.
        kind: the block's kind, one of ``KINDS``.
        name: the name in its marker.
        text: the new text, which ends with a line break.

    Raises:
        DataError: the page cannot be read or written, is not UTF-8, has no such block, or a block of it without end.
    """
    before = _read(page)
    pieces, end = [], 0
    for block in _blocks(page, before, kind, name):
        line_end = "\r\n" if before[block.start :].startswith("\r\n") else "\n"
        inside = f"\n{text}".replace("\r\n", "\n").replace("\n", line_end)
        pieces += [before[end : block.start], inside]
        end = block.end
    after = "".join([*pieces, before[end:]]).encode("utf-8")
    target = page.resolve()  # a link stays one
    try:
        mode = target.stat().st_mode
        write_bytes(target, after)
        target.chmod(mode)
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=page, remedy="Check its access.") from error


def check_block(page: Path | None, kind: str, name: str) -> None:
    """Check that ``insert_block`` will find its block, before the figures are computed; for no page nothing is checked.

    Raises:
        DataError: see ``insert_block``.
    """
    if page is not None:
        _blocks(page, _read(page), kind, name)


@dataclass(frozen=True, slots=True)
class _Block:
    """The half-open range of characters between two markers."""

    start: int
    end: int


def _read(page: Path) -> str:
    """The page's text with its line ends."""
    content = read_bytes(page, remedy="Name a Markdown file.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError("is not UTF-8 text", file=page, line=line, remedy="Save it as UTF-8.") from error


def _blocks(page: Path, text: str, kind: str, name: str) -> list[_Block]:
    """The page's blocks of a kind and name."""
    markers = list(_markers(text))
    blocks = []
    for index, marker in enumerate(markers):
        if marker["end"] or (marker["kind"], marker["name"]) != (kind, name):
            continue
        following = markers[index + 1] if index + 1 < len(markers) else None
        if following is None or not following["end"] or following["kind"] != kind:
            what = "" if following is None else f" before {following[0]} begins" if not following["end"] else ""
            raise DataError(
                f"the block {marker[0]} has no end{what}",
                file=page,
                line=text.count("\n", 0, marker.start()) + 1,
                remedy=f"Add <!-- /{kind} --> where it ends.",
            )
        blocks.append(_Block(marker.end(), following.start()))
    if not blocks:
        what = f"has no block <!-- {kind} {name} --> … <!-- /{kind} -->"
        raise DataError(
            what, file=page, remedy="Add the two markers, each alone on its line from the first column, outside code."
        )
    return blocks


def _markers(text: str) -> Iterator[re.Match[str]]:
    """The markers of a page that stand alone on their lines, outside code, in order."""
    page = text.removeprefix("\ufeff")
    skipped = len(text) - len(page)
    starts = [skipped, *(skipped + end.end() for end in _LINE_END.finditer(page)), len(text)]
    for token in MarkdownIt("commonmark").parse(page):
        if token.type != "html_block" or token.map is None or _OPAQUE.match(token.content):
            continue
        for line in range(*token.map):
            marker = _MARKER.match(text, starts[line])
            if marker is not None and not text[marker.end() : starts[line + 1]].strip():
                yield marker
