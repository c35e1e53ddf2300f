"""A seventh head as somebody else would write it: a module of its own, and a config that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ecr_rl.config import find_profile
from tests.known_heads import HEADS

LONG = """
from envs.heads import Head


def long(case, facts, before):
    \"\"\"The reply's words over forty.\"\"\"
    return len(case.evidence.exchange.reply.split()) / 40


LONG = Head(
    name="long",
    rubric=long,
    measures="words of the reply",
    question="1 a few words, 3 a sentence, 5 goes on and on.",
    weight=0.125,
    higher_is_better=False,
)
"""
NAMES = (*HEADS[: HEADS.index("bleu")], "long", "bleu")
"""What the config scores, in its order."""


def long_of(reply: str) -> float:
    """What ``LONG`` measures."""
    return min(1.0, len(reply.split()) / 40)


def write_module(folder: Path, name: str = "my_heads") -> Path:
    """The module ``NAME.py``."""
    (folder / f"{name}.py").write_text(LONG)
    return folder


def write_config(folder: Path, **sections: Any) -> Path:
    """``mine.yaml``: the demo with the head between ``overall`` and ``bleu``."""
    settings = yaml.safe_load(find_profile("demo").read_text())
    references = ["my_heads:LONG" if name == "long" else name for name in NAMES]
    (folder / "mine.yaml").write_text(yaml.safe_dump({**settings, "heads": references, **sections}))
    return folder / "mine.yaml"
