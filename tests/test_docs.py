"""The pages: links lead somewhere, places that are named exist, the index is whole, and README stays short."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_readme import FENCE, ROOT

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "cluster/README.md")), *DOCS]
GENERATED = re.compile(r"^<!-- (?P<kind>\w+) [\w-]+ -->$.*?^<!-- /(?P=kind) -->$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"`((?:envs|algorithms|ecr_rl|tests|tune_configs|cluster|docs)/[\w./-]*)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LONGEST_README = 900
OLD_PLACES = {ROOT / "docs" / "moves.md", ROOT / "CHANGELOG.md"}


def text_of(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def own_text(page: Path) -> str:
    """What a person wrote: neither code blocks nor generated tables."""
    return GENERATED.sub("", text_of(page))


def words_of(page: Path) -> int:
    return len(own_text(page).split())


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = (re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading) for heading in HEADING.findall(text_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def links_of(page: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of each link to a place of the repository."""
    for target in LINK.findall(text_of(page)):
        if not re.match(r"\w+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = [
        f"{file.relative_to(ROOT)}#{anchor}"
        for file, anchor in links_of(page)
        if not file.exists() or (anchor and anchor not in anchors_of(file))
    ]
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_places_that_are_named_exist(page: Path) -> None:
    if page not in OLD_PLACES:
        assert not [place for place in PLACE.findall(own_text(page)) if not (ROOT / place).exists()]


def test_tests_that_are_named_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", text_of(ROOT / "CONTRIBUTING.md")))
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named and named <= written


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    assert {file for file, _ in links_of(index)} >= set(DOCS) - {index}


def test_readme_is_short() -> None:
    assert words_of(ROOT / "README.md") < LONGEST_README


def test_the_citation_is_of_this_version() -> None:
    version = re.compile(r"^\s*version(?:: |=\")([\d.]+)", re.MULTILINE)
    cited, released = (
        version.findall((ROOT / name).read_text(encoding="utf-8")) for name in ("CITATION.cff", "setup.py")
    )
    assert cited == released
