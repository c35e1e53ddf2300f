"""Rows of scripted recommenders: success and turns by hand, failures counted, and the command that prints them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.cli import app
from ecr_rl.evaluation.conversations.seeker_rows import talk_figures
from ecr_rl.training.parts import build_cross_fitted, build_recommender
from envs.corpora.corpus import load_corpus
from envs.errors import ModelError
from envs.scripted_policies import Talk
from envs.settings import DataSettings

BROKEN = "the model wrote nothing"


def talk(turns: int, accepted: int | None = None, findable: bool = True, failure: str = "") -> Talk:
    return Talk((0, 0), turns, accepted, findable, failure)


def test_success_and_turns_leave_failed_conversations_out_and_count_them() -> None:
    talks = [talk(1, accepted=7), talk(4), talk(4, findable=False), talk(3, accepted=9), talk(1, failure=BROKEN)]
    figures = talk_figures(talks, seed=0)
    assert (figures.n, figures.failures) == (4, {BROKEN: 1})
    assert figures.turns
    assert figures.success_rate.mean == 0.5
    assert figures.turns.mean == 3.0
    assert figures.findable.mean == 0.75
    assert figures.success_rate.low < 0.5 < figures.success_rate.high
    nothing = talk_figures([talk(3)] * 300, seed=0).success_rate
    assert (nothing.mean, nothing.low) == (0.0, 0.0)
    assert nothing.high == pytest.approx(0.0126, abs=1e-4), "none of 300 does not say that it never happens"


def test_a_seeker_that_never_answers_is_an_error_with_its_reason() -> None:
    with pytest.raises(ModelError, match=f"{BROKEN}: 2"):
        talk_figures([talk(1, failure=BROKEN)] * 2, seed=0)


def test_the_command_prints_one_row_a_recommender() -> None:
    result = CliRunner().invoke(app, ["seekers", "demo", "--dialogues", "60", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert list(figures["rows"]) == ["popular", "random", "never"]
    assert (figures["n"], figures["seeker"], figures["split"]) == (60, "profile", "test")
    assert figures["indices"] == list(range(0, 300, 5)) and figures["seed"] == 0
    assert figures["rows"]["never"]["success_rate"]["mean"] == 0
    assert figures["rows"]["random"]["success_rate"]["mean"] < 0.05
    assert all(row["failures"] == {} for row in figures["rows"].values())


def test_a_recommender_names_no_films_on_dialogues_that_it_has_seen(tmp_path: Path) -> None:
    corpus = load_corpus(DataSettings(limit=30))
    small = RecommenderSettings(members=1, width=8)
    build_recommender(corpus, small, tmp_path / "whole", lambda done, total, figures: None)
    line = ["seekers", "demo", "--recommender", str(tmp_path / "whole"), "-s", "data.limit=30", "--json"]
    for split, sees in (("train", True), ("valid", True), ("test", False)):
        result = CliRunner().invoke(app, [*line, "--split", split])
        assert result.exit_code == int(sees), result.output
        assert ("the recommender of a run" in result.stderr) == sees
    build_cross_fitted(corpus, small, tmp_path / "all", lambda done, total, figures: None)
    result = CliRunner().invoke(app, [*line, "--split", "train", "--recommender", str(tmp_path / "all")])
    assert json.loads(result.stdout)["rows"]["recommender"]["n"] == 30


def test_a_seekers_model_that_is_not_there_gives_a_message_and_no_traceback() -> None:
    result = CliRunner().invoke(
        app, ["seekers", "demo", "--seeker", "model", "-s", "env.seeker_model.model=/no/such/model"]
    )
    assert result.exit_code == 1
    assert "/no/such/model" in result.stderr
    assert "Traceback" not in result.stderr
