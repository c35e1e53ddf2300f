"""A critic held out: figures by hand, matched pairs, and a whole evaluation with its report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from algorithms.evaluators.head_figures import HeadData, calibration, head_fit
from ecr_rl.evaluation.bootstrap import draw
from ecr_rl.evaluation.critic.critic_evaluation import evaluate_critic
from ecr_rl.evaluation.critic.human_judgements import auc
from ecr_rl.evaluation.critic.matched_pairs import MatchedPair, pair_shares
from ecr_rl.evaluation.critic.results import CriticResults
from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.report.critic_report import write_critic_report
from ecr_rl.settings import ContextForm
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.heads import Exchange, HeadScores
from tests.known_heads import HEADS


def data(labels: Sequence[float] | np.ndarray, scores: Sequence[float] | np.ndarray, spread: float = 0.1) -> HeadData:
    values = np.array(labels)
    replies = ["word " * (i + 1) for i in range(len(values))]
    return HeadData(values, np.array(scores), np.full(len(values), spread), replies, np.arange(len(values)) // 2)


def test_r2_and_its_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(400)
    halved = data(labels, 0.5 + 0.5 * (labels - 0.5))
    fit = head_fit(halved, "human", halved, draw(200, 500, 0))
    assert fit.r2 == fit.r2_all == pytest.approx(0.75, abs=0.01)  # a quarter of the variance is left
    low, high = fit.interval["r2"]
    assert fit.r2 is not None and low < fit.r2 < high
    assert fit.interval["r2_above_length"][0] > 0.6
    assert fit.spearman == pytest.approx(1.0)


def test_calibration_of_what_is_exact() -> None:
    labels = np.linspace(0, 1, 100)
    found = calibration(data(labels, labels))
    assert found.error == pytest.approx(0.0)
    assert found.within_1 == found.within_2 == 1.0
    assert len(found.bins) == 10


def test_pairs_count_ties_half_and_like_lengths_apart() -> None:
    def pair(first: str, second: str) -> MatchedPair:
        return MatchedPair(Evidence(Exchange((), first)), Evidence(Exchange((), second)))

    pairs = [pair("a b c d e", "a b c d"), pair("a b c d e", "a"), pair("a b", "c d")]
    row = pair_shares("empathy", pairs, np.array([0.6, 0.2, 0.5]), np.array([0.4, 0.4, 0.5]), np.ones(3), np.zeros(3))
    assert row.share_right == pytest.approx(0.5)
    assert row.n_same_length == 2
    assert row.share_right_same_length == pytest.approx(0.75)
    assert row.judge_share_right == 1.0


def test_auc_by_hand() -> None:
    assert auc(np.array([0.9, 0.4]), np.array([0.4, 0.1])) == pytest.approx(0.875)
    assert auc(np.array([]), np.array([0.1])) is None


class JudgeAsCritic:
    """Scores as the rubric does where it knows the text alone."""

    def __init__(self, judge: RubricJudge) -> None:
        self._judge = judge

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        values = self._judge.judge([Evidence(exchange, reference=exchange.reply) for exchange in exchanges]).values
        return HeadScores(values.astype(np.float64), np.full(values.shape, 0.1), HEADS)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    dialogues, catalog = sample_corpus(90)
    splits = tuple(dialogues[:50]), tuple(dialogues[50:60]), tuple(dialogues[60:])
    return Corpus("sample", *splits, catalog, {})


def test_a_whole_evaluation_and_its_report(corpus: Corpus, tmp_path: Path) -> None:
    judge = RubricJudge(corpus.catalog)
    told = {form.value: RubricJudge(corpus.catalog, context=form) for form in ContextForm}
    found = evaluate_critic(JudgeAsCritic(judge), judge, corpus, replies=60, per_kind=80, told=told)
    results = found.results
    assert results.contexts["rich"]["recommendation"].r2 == results.heads["recommendation"].r2
    assert results.contexts["plain"]["recommendation"] != results.contexts["rich"]["recommendation"]
    assert results.contexts["plain"]["engagement"] == results.contexts["rich"]["engagement"]
    assert results.n == 60
    assert set(results.heads) == set(HEADS)
    assert results.heads["bleu"].over == "made"
    assert results.heads["empathy"].over == "human"
    assert (results.heads["empathy"].r2 or 0.0) > 0.8
    heads = {kind: row.head for kind, row in results.kinds.items()}
    assert heads == {
        "cold": "empathy",
        "wrong_film": "recommendation",
        "repeated": "overall",
        "truncated": "overall",
    }
    assert (results.kinds["cold"].share_right or 0.0) > 0.75
    assert results.sensitivity.judges == ["critic", "rubric"]
    assert not results.sensitivity.edits["repeated"].judges["critic"]["overall"].fooled
    page = write_critic_report(found, "double", tmp_path / "report")
    assert CriticResults.read(page.parent / "evaluation.json", remedy="") == results
    assert "<td>empathy</td>" in page.read_text(encoding="utf-8")
    assert {file.name for file in (page.parent / "plots").iterdir()} == {
        "predicted.png",
        "residuals.png",
        "calibration.png",
        "correlations.png",
    }


class OneHeadCritic(JudgeAsCritic):
    """Knows empathy alone, and nothing of how far it is off."""

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        values = super().score(exchanges).mean[:, [HEADS.index("empathy")]]
        return HeadScores(values, np.full(values.shape, np.nan), ("empathy",), without_labels=("overall", "bleu"))


def test_heads_without_labels_have_no_data_in_figures_tables_and_plots(corpus: Corpus, tmp_path: Path) -> None:
    judge = RubricJudge(corpus.catalog)
    told = {"rich": judge}
    found = evaluate_critic(OneHeadCritic(judge), judge, corpus, replies=20, per_kind=5, told=told)
    results = found.results
    assert list(results.heads) == ["empathy", "overall", "bleu"]
    assert (results.heads["overall"].over, results.heads["overall"].n, results.heads["overall"].r2) == (
        "no data",
        0,
        None,
    )
    assert results.heads["empathy"].calibration.within_1 is None
    page = write_critic_report(found, "one", tmp_path)
    assert CriticResults.read(page.parent / "evaluation.json", remedy="") == results
    rows = [line for line in (tmp_path / "README.md").read_text(encoding="utf-8").splitlines() if "overall" in line]
    assert "| overall | no data | 0 | - | - | - | - | - | - | - | - | - |" in rows


def test_the_same_seed_gives_the_same_figures(corpus: Corpus) -> None:
    judge = RubricJudge(corpus.catalog)
    first, second = (
        evaluate_critic(JudgeAsCritic(judge), judge, corpus, replies=20, per_kind=5).results for _ in range(2)
    )
    assert first == second
