"""Judges' labels as one data set: means, agreement by hand, and what does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from algorithms.evaluators.regression_figures import pearson
from ecr_rl.labels.storage.merging import agreement, merge, weighted_kappa
from ecr_rl.labels.storage.store import read_labels
from envs.errors import ConfigError, DataError, RunError
from envs.heads import Head
from tests.ecr_rl.label_rows import folder_of, row
from tests.known_heads import DEFINITIONS, HEADS


def test_kappa_by_hand() -> None:
    first, second = np.array([0.1, 0.3, 0.5, 0.7]), np.array([0.1, 0.5, 0.5, 0.9])  # bins 0 1 2 3 and 0 2 2 4
    # Observed: squares 0 + 1 + 0 + 1 = 2. By chance, over 16 pairs of bins: sum (i - j)^2
    # = (0+4+4+16) + (1+1+1+9) + (4+0+0+4) + (9+1+1+1) = 56, a quarter of it is 14.
    assert weighted_kappa(first, second) == pytest.approx(1 - 2 / 14)


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    first = rng.random(300)
    second = np.clip(first + rng.normal(scale=0.3, size=300), 0.0, 1.0)
    bins = [np.minimum(np.floor(scores * 5), 4) for scores in (first, second)]
    assert weighted_kappa(first, second) == pytest.approx(cohen_kappa_score(*bins, weights="quadratic"))


def test_kappa_at_its_ends() -> None:
    assert weighted_kappa(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 1.0
    assert weighted_kappa(np.array([0.1, 0.9]), np.array([0.9, 0.1])) == -1.0
    assert weighted_kappa(np.array([0.1, 0.1, 0.9, 0.9]), np.array([0.1, 0.9, 0.1, 0.9])) == 0.0
    assert weighted_kappa(np.array([0.5, 0.55]), np.array([0.41, 0.59])) is None  # one bin: nothing to disagree on
    assert weighted_kappa(np.array([]), np.array([])) is None


def test_correlations_by_hand() -> None:
    first, second = np.array([0.0, 0.1, 0.2, 0.9]), np.array([0.1, 0.0, 0.5, 0.6])
    found = agreement(first, second)
    # Ranks 1 2 3 4 and 2 1 3 4: 1 - 6 (1 + 1) / (4 (16 - 1)) = .8.
    assert found["spearman"] == pytest.approx(0.8)
    # Deviations -.3 -.2 -.1 .6 and -.2 -.3 .2 .3: products .06 .06 -.02 .18 = .28; squares .5 and .26.
    assert found["pearson"] == pytest.approx(0.28 / np.sqrt(0.5 * 0.26))
    assert found["n"] == 4


def test_agreement_with_a_constant_judge_is_not_a_number_but_none() -> None:
    found = agreement(np.array([0.5, 0.5, 0.5]), np.array([0.1, 0.5, 0.9]))
    assert (found["pearson"], found["spearman"]) == (None, None)
    assert found["kappa"] == 0.0
    assert pearson(np.array([0.5]), np.array([0.5])) is None


def test_scores_are_the_mean_of_the_judges_that_know_them(tmp_path: Path) -> None:
    one = folder_of(
        tmp_path / "one",
        [
            row("a", empathy=0.2, bleu=None),
            row("b", empathy=0.4, overall=None),
            row("c", **dict.fromkeys(("empathy", "informativeness", "recommendation"), None), problem="too long: 9"),
            row("alone"),
        ],
    )
    other = folder_of(
        tmp_path / "other",
        [
            row("c", judge="openai", context_form="rich", empathy=0.3, problem="half an answer: x"),
            row("b", judge="openai", context_form="rich", empathy=None, overall=None, flagged=True),
            row("a", judge="openai", context_form="rich", empathy=0.4, bleu=None),
        ],
        judge="openai",
    )
    report = merge([one, other], tmp_path / "both")
    both = read_labels(tmp_path / "both")
    assert both.column("key") == ["a", "b", "c"]
    assert both.column("empathy") == pytest.approx([0.3, 0.4, 0.3])
    assert both.column("bleu") == [None, 0.5, 0.5]
    assert both.column("overall") == [0.5, None, 0.5]
    assert set(both.column("judge")) == {"rubric+openai"}
    assert set(both.column("context_form")) == {"plain+rich"}
    assert both.column("flagged") == [False, True, False]
    assert both.column("problem") == [None, None, None]
    assert report["joined"] == 3
    assert report["alone"] == {"rubric": 1, "openai": 0}
    assert report["pairs"][0]["judges"] == ["rubric", "openai"]
    assert report["pairs"][0]["heads"]["empathy"]["n"] == 1
    assert report["pairs"][0]["heads"]["recommendation"] == {"n": 2, "pearson": None, "spearman": None, "kappa": None}
    assert json.loads((tmp_path / "both" / "agreement.json").read_text()) == report
    assert "weighted kappa" in (tmp_path / "both" / "README.md").read_text()


def test_judges_weigh_what_is_given(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", [row("a", empathy=0.2, bleu=None)])
    other = folder_of(tmp_path / "other", [row("a", empathy=0.6)], judge="openai")
    report = merge([one, other], tmp_path / "both", [1, 3])
    assert report["weights"] == {"by": "settings", "shares": {"rubric": 0.25, "openai": 0.75}}
    both = read_labels(tmp_path / "both")
    assert (both.column("empathy"), both.column("bleu")) == (pytest.approx([0.5]), [0.5])
    equal = merge([one, other], tmp_path / "equal")
    assert equal["weights"]["shares"] == {"rubric": 0.5, "openai": 0.5}
    assert read_labels(tmp_path / "equal").facts["run"] != both.facts["run"]
    for wrong in ([1], [0, 0]):
        with pytest.raises(ConfigError, match="weights for 2 folders"):
            merge([one, other], tmp_path / "none", wrong)


def test_where_every_judge_failed_the_problems_stay(tmp_path: Path) -> None:
    unknown = dict.fromkeys(("empathy", "informativeness", "recommendation", "engagement", "overall", "bleu"), None)
    one = folder_of(tmp_path / "one", [row("a", **unknown, problem="too long")])
    other = folder_of(tmp_path / "other", [row("a", **unknown, problem="timeout")], judge="openai")
    merge([one, other], tmp_path / "both")
    assert read_labels(tmp_path / "both").column("problem") == ["too long; timeout"]


def test_equal_keys_of_different_replies_are_rejected_by_name(tmp_path: Path) -> None:
    one = folder_of(tmp_path / "one", [row("a"), row("b"), row("c")])
    other = folder_of(tmp_path / "other", [row("a"), row("b", reply="Hm."), row("c", context=[])], judge="openai")
    report = merge([one, other], tmp_path / "both")
    assert report["rejected"] == {
        "n": 2,
        "named": [{"key": "b", "column": "reply"}, {"key": "c", "column": "context"}],
    }
    assert read_labels(tmp_path / "both").column("key") == ["a"]


def test_two_folders_of_one_judge_are_told_apart(tmp_path: Path) -> None:
    folders = [folder_of(tmp_path / name, [row("a")]) for name in ("one", "two", "three")]
    report = merge(folders, tmp_path / "all")
    assert report["judges"] == [f"rubric ({folder})" for folder in folders]
    assert len(report["pairs"]) == 3


def test_what_cannot_be_merged_is_refused(tmp_path: Path) -> None:
    one, other = folder_of(tmp_path / "one", [row("a")]), folder_of(tmp_path / "other", [row("b")])
    with pytest.raises(ConfigError, match="two or more"):
        merge([one], tmp_path / "both")
    with pytest.raises(DataError, match="no example is in all"):
        merge([one, other], tmp_path / "both")
    with pytest.raises(RunError, match="exists"):
        merge([one, one], other)


def test_a_head_that_one_folder_has_stays_beside_the_others(tmp_path: Path) -> None:
    humour = Head("humour", "json:loads", "", "1, 3, 5.", higher_is_better=False)
    one = folder_of(tmp_path / "one", [row("a", empathy=0.2), row("b", empathy=0.4)])
    own = (DEFINITIONS[0], humour)
    other = folder_of(tmp_path / "two", [row("b", humour=0.9, empathy=0.6), row("a", humour=0.7)], heads=own)
    report = merge([one, other], tmp_path / "both")
    both = read_labels(tmp_path / "both")
    assert both.heads == (*HEADS, "humour") and both.lower == {"humour"}
    assert both.column("humour") == pytest.approx([0.7, 0.9])
    assert both.column("empathy") == pytest.approx([0.35, 0.5])
    assert both.column("bleu") == [0.5, 0.5]
    assert [report["pairs"][0]["heads"][head]["n"] for head in ("empathy", "humour", "bleu")] == [2, 0, 0]
    turned = folder_of(tmp_path / "three", [row("a"), row("b")], heads=(replace(humour, higher_is_better=True),))
    with pytest.raises(DataError, match="lower_is_better: humour"):
        merge([other, turned], tmp_path / "none")
