"""Definitions of heads: what can be one, how they are found, and that their order is nobody's secret."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.builtin_heads import HEADS, heads_of
from envs.errors import ConfigError, ModelError
from envs.heads import RESERVED, Head, HeadScores

BREVITY = """
from envs.heads import Head

HEAD = Head(name="brevity", rubric=lambda case, facts, before: 1.0, measures="words", question="1 long, 5 short.")
OVERALL = Head(name="overall", rubric=HEAD.rubric, measures="words", question=None)
NUMBER = 5
"""


def never(case: Any, facts: Any, before: Mapping[str, float]) -> float:
    raise AssertionError("nobody asked for it")


def test_built_in_heads_name_formulas_that_are_there() -> None:
    for head in heads_of(HEADS.names()):
        assert callable(head.formula), head.name
        assert head.title and head.measures
        assert 0.0 <= head.after_reply <= 1.0
    assert sum(head.weight for head in heads_of(HEADS.names())) == pytest.approx(1.0)


def test_an_own_head_is_found_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_brevity.py").write_text(BREVITY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    heads = heads_of(["overall", "own_brevity:HEAD", "bleu"])
    assert [(head.name, head.judged, head.title) for head in heads] == [
        ("overall", True, "Overall"),
        ("brevity", True, "Brevity"),
        ("bleu", False, "BLEU head"),
    ]
    with pytest.raises(ConfigError, match="two heads are called overall"):
        heads_of(["overall", "own_brevity:OVERALL"])
    with pytest.raises(ConfigError, match=r"own_brevity:NUMBER: a int stands there, no envs\.heads\.Head"):
        heads_of(["own_brevity:NUMBER"])
    with pytest.raises(ConfigError, match="Did you mean empathy"):
        heads_of(["empathie"])


@pytest.mark.parametrize("name", ["", "Humour", "two words", "1st", *sorted(RESERVED)])
def test_a_name_that_is_none_or_taken_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="no head can be called"):
        Head(name=name, rubric=never, measures="", question=None)


def test_scores_have_a_column_for_each_head() -> None:
    column = np.zeros((3, 1))
    assert HeadScores(column, column, ("own",)).heads == ("own",)
    for mean, spread, heads in ((column, column, ("own", "other")), (column, column[:2], ("own",))):
        with pytest.raises(ModelError, match="scores of shape"):
            HeadScores(mean, spread, heads)
