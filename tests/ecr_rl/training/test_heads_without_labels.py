"""Heads without labels: no figures, no scores, no pay; a critic of the other heads works as any does."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithms.critic.critic import Critic
from algorithms.settings.critic import CriticSettings
from ecr_rl.config import RunConfig, with_given
from ecr_rl.critic_scores import score_lines
from ecr_rl.labels.judging.rubric import RubricJudge
from ecr_rl.runs.artefacts import require_heads
from ecr_rl.sweep.settings import SweepSettings
from ecr_rl.sweep.sweep import paid_by_trials, run_sweep
from ecr_rl.training.critic import build_critic
from ecr_rl.training.head_evaluator import TrainExamples, fit_evaluator
from ecr_rl.training.preconditions import check_preconditions
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.errors import ConfigError, DataError, ModelError
from envs.heads import Exchange, HeadScores
from envs.rewards import RewardShaper
from envs.settings import RewardSettings
from tests.ecr_rl.label_rows import folder_of, row
from tests.known_heads import DEFINITIONS, HEADS

SETTINGS = CriticSettings(steps=4, batch_size=8, max_tokens=32, evaluate_every=2, members=1)
NONE = {"r2": None, "r2_length": None, "spearman": None, "mae": None}
WITHOUT = ["informativeness", "bleu"]


def silent(done: int, total: int, figures: Mapping[str, float]) -> None:
    pass


def labelled(name: str, split: str, number: int) -> dict[str, Any]:
    """A row whose head empathy varies; recommendation has no label in valid, engagement always the same."""
    scores = dict.fromkeys(HEADS, number / 10) | dict.fromkeys(WITHOUT) | {"engagement": 0.5}
    if split == "valid":
        scores["recommendation"] = None
    return row(name, split=split, reply=f"Try Up (2009){'!' * number} It is fun.", **scores)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [labelled(f"{split}-{number}", split, number % 10) for split in ("train", "valid") for number in range(20)]
    return folder_of(tmp_path_factory.mktemp("labels") / "some", rows)


@pytest.fixture(scope="module")
def trained(labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("critic")
    build_critic(labels, SETTINGS, folder, silent)
    return folder


def test_a_head_without_labels_has_no_figures_and_one_warning(
    labels: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        figures = build_critic(labels, SETTINGS, tmp_path, silent)
    heads = figures["heads"]
    assert [heads[head] for head in WITHOUT] == [NONE, NONE]
    assert heads["recommendation"] == NONE
    assert (heads["engagement"]["r2"], heads["engagement"]["spearman"]) == (None, None)
    assert heads["engagement"]["mae"] is not None
    assert None not in heads["empathy"].values()
    assert json.loads((tmp_path / "metrics.json").read_text()) == figures
    told = [record.getMessage() for record in caplog.records]
    assert [message.split(":")[0] for message in told] == ["informativeness, bleu", "recommendation", "engagement"]
    assert set(figures["without_figures"]) == {*WITHOUT, "recommendation", "engagement"}


def test_what_no_label_taught_is_not_scored(trained: Path) -> None:
    critic = Critic.load(trained)
    assert set(critic.heads) == set(HEADS) - set(WITHOUT)
    line = json.dumps({"context": ["seeker: hi"], "response": "Try Up (2009)!"}).encode()
    (scored,) = score_lines(critic, [line])  # pyright: ignore[reportArgumentType]
    assert set(scored["scores"]) == set(scored["spread"]) == set(HEADS)
    assert {head for head, score in scored["scores"].items() if score is None} == set(WITHOUT)
    assert {head for head, score in scored["spread"].items() if score is None} == {*WITHOUT, "recommendation"}
    require_heads(trained / "critic.json", DEFINITIONS, "critic.folder")


def test_a_critic_that_lacks_a_paid_head_is_not_loaded(trained: Path) -> None:
    assert Critic.load(trained, "cpu", ["empathy"]).heads
    with pytest.raises(ModelError, match=r"pays for bleu, and the critic .* scores empathy, "):
        Critic.load(trained, "cpu", ["empathy", "bleu"])


def test_a_spread_that_nothing_measured_is_not_charged_for() -> None:
    scores = HeadScores(np.full((2, 2), 0.5), np.array([[0.1, np.nan]] * 2), ("empathy", "overall"))
    weights = {"empathy": 0.5, "overall": 0.5}
    assert np.isfinite(RewardShaper(RewardSettings(weights=weights)).heads(scores)).all()
    with pytest.raises(ModelError, match=r"spread of overall.*reward\.spread_penalty=0"):
        RewardShaper(RewardSettings(weights=weights, spread_penalty=1.0)).heads(scores)
    unpaid = RewardSettings(weights={"empathy": 1.0}, spread_penalty=1.0)
    assert np.isfinite(RewardShaper(unpaid).heads(scores)).all()


def test_a_reward_that_pays_for_it_is_refused_before_anything_is_trained(labels: Path, trained: Path) -> None:
    for section, folder in (("labels", labels), ("critic", trained)):
        config = with_given(RunConfig(), section, folder=str(folder))
        with pytest.raises(ConfigError, match=rf"pays for informativeness, bleu, and {section}\.folder") as caught:
            check_preconditions(config)
        assert len(str(caught.value).splitlines()) == 1
        paid = with_given(config, "reward", weights={"empathy": 1.0, "bleu": 0.0})
        check_preconditions(paid)
        with pytest.raises(ConfigError, match="pays for bleu"):
            check_preconditions(paid, ["bleu"])


@pytest.mark.parametrize(
    "axis",
    [
        {"reward.weights": {"simplex": ["empathy", "bleu"]}},
        {"reward.weights": {"choices": [{"empathy": 1.0}, {"bleu": 1.0}]}},
        {"reward.weights.bleu": {"uniform": [0.0, 1.0]}},
    ],
)
def test_a_sweep_that_pays_for_it_is_refused_and_leaves_no_folder(labels: Path, tmp_path: Path, axis: Any) -> None:
    config = with_given(RunConfig(), "labels", folder=str(labels))
    if "reward.weights" not in axis:
        config = with_given(config, "reward", weights={"empathy": 1.0})
    sweep = SweepSettings.model_validate({"base": "demo", "space": axis})
    with pytest.raises(ConfigError, match="pays for bleu"):
        run_sweep(sweep, config, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_may_draw_weights_of_labelled_heads_whatever_its_base_weighs(labels: Path) -> None:
    config = with_given(RunConfig(), "labels", folder=str(labels))
    space = {"reward.weights": {"simplex": ["empathy", "overall"]}}
    sweep = SweepSettings.model_validate({"base": "demo", "space": space})
    check_preconditions(config, paid_by_trials(sweep, config))
    with pytest.raises(ConfigError, match="pays for informativeness, bleu"):
        check_preconditions(config)


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_split_without_any_label_is_refused(tmp_path: Path, split: str) -> None:
    rows = [labelled("a", "train", 3), labelled("b", "valid", 5)]
    bare = [each | dict.fromkeys(HEADS) if each["split"] == split else each for each in rows]
    with pytest.raises(DataError, match=f"no labels of the split '{split}'"):
        build_critic(folder_of(tmp_path / "labels", bare), SETTINGS, tmp_path / "critic", silent)


def test_splits_labelled_on_different_heads_are_refused(tmp_path: Path) -> None:
    rows = [
        row("a", split="train", **dict.fromkeys(HEADS) | {"empathy": 0.5}),
        row("b", split="valid", **dict.fromkeys(HEADS) | {"overall": 0.5}),
    ]
    with pytest.raises(DataError, match="'train' labels empathy alone, and the split 'valid' none of that"):
        build_critic(folder_of(tmp_path / "labels", rows), SETTINGS, tmp_path / "critic", silent)


def test_an_evaluator_is_not_fitted_to_labels_that_are_not_known(tmp_path: Path) -> None:
    dialogues, catalog = sample_corpus(12)
    corpus = Corpus("sample", tuple(dialogues[:8]), tuple(dialogues[8:]), (), catalog, {})
    examples = TrainExamples(first=0, most=40, seed=0)
    with pytest.raises(DataError, match="no train example a label of bleu"):
        fit_evaluator("words", ("overall", "bleu"), examples, corpus, NoBleu(catalog), tmp_path, silent)


class NoBleu(RubricJudge):
    """The rubric, which fails on BLEU."""

    def judge(self, evidence: Any) -> Any:
        labels = super().judge(evidence)
        labels.known[:, HEADS.index("bleu")] = False
        return labels


def test_an_exchange_is_scored_on_the_heads_that_are_known(trained: Path) -> None:
    scores = Critic.load(trained).score([Exchange((), "Hello!")])
    assert scores.mean.shape == (1, len(HEADS) - len(WITHOUT))
    assert list(scores.without_labels) == WITHOUT
