"""Every command in README.md, CONTRIBUTING.md and docs/ is one that the real parser, or the Makefile, knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import REFUSALS, parse_command

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "cluster/README.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
SHELL = {"", "bash", "sh", "console", "shell"}
COMMAND = re.compile(r"(?:^|[\s;&|/`])((?:ecr-rl|python3? -m ecr_rl|make)(?= |$)[^;&|`]*)")


def commands_of(text: str) -> Iterator[str]:
    """The commands of a page: in shell blocks, continued lines joined, and in inline code."""
    for block in FENCE.finditer(text):
        if block["language"] in SHELL:
            for line in block["body"].replace("\\\n", " ").splitlines():
                yield from _in_line(line.strip().removeprefix("$ "))
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        yield from _in_line(code)


def _in_line(line: str) -> Iterator[str]:
    without_comment = re.sub(r"(^|\s)#.*", "", line)
    for found in COMMAND.finditer(without_comment):
        command = re.sub(r"\s*[<>]\s*\S+\s*$|\s2>.*", "", found[1]).strip()
        if command not in ("ecr-rl", "make", "python -m ecr_rl", "python3 -m ecr_rl"):  # a name, not a call
            yield command


ALL = [(page, command) for page in PAGES for command in commands_of(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("page", "command"), ALL, ids=[f"{page.name}: {command}" for page, command in ALL])
def test_command_is_known(page: Path, command: str) -> None:
    if command.startswith("make"):
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        wanted = {word for word in command.split()[1:] if "=" not in word and not word.startswith("-")}
        assert wanted <= targets, f"{page.name}: {command}: the Makefile has no {wanted - targets}"
    else:
        parse_command(command)


def test_commands_are_found_in_every_form() -> None:
    text = (
        "Run `ecr-rl status runs/a` or `make test`; the command `ecr-rl` too.\n\n```bash\n$ ecr-rl train x.yaml \\\n"
        "    --resume  # again\nray job submit --working-dir . -- python -m ecr_rl doctor --json > out.json\n```\n"
        "```yaml\nkey: ecr-rl nonsense\n```\n"
    )
    assert sorted(re.sub(" +", " ", command) for command in commands_of(text)) == [
        "ecr-rl status runs/a",
        "ecr-rl train x.yaml --resume",
        "make test",
        "python -m ecr_rl doctor --json",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        "ecr-rl trian demo",
        "ecr-rl train demo --iterations 5",
        "ecr-rl train",
        "ecr-rl data",
        "ecr-rl data stat",
        "ecr-rl train rediall",
        "ecr-rl demo --seed many",
        "ecr-rl train demo -s ppo.iteratons=3",
        "python -m ecr_rl critic evaluate runs/demo --split dev",
    ],
)
def test_wrong_commands_are_refused(wrong: str) -> None:
    with pytest.raises(REFUSALS):
        parse_command(wrong)
