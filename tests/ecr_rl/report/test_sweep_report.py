"""What a sweep reports: its table, its front, what decided, its verdict, its page."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from ecr_rl.config import load_config
from ecr_rl.report.sweep_plots import pareto_front
from ecr_rl.report.sweep_record import (
    ScoredTrial,
)
from ecr_rl.report.sweep_report import importance_of, outcome, verdict, write_sweep_report
from ecr_rl.sweep.search import TrialResult
from ecr_rl.sweep.sweep import trials_csv
from envs.files import write_json
from tests.ecr_rl.sweep_trials import comparison, sweep_record, trial


def test_the_table_has_a_column_for_each_setting() -> None:
    rows = list(csv.DictReader(trials_csv([trial("a", 0.5), trial("c", None, status="failed")]).splitlines()))
    assert rows[0]["reward.weights.overall"] == "0.75"
    assert (rows[0]["objective"], rows[0]["kl"], rows[1]["objective"]) == ("0.5", "0.1", "")


def scored(trials: Iterable[TrialResult]) -> list[ScoredTrial]:
    """The trials of a sweep that has these."""
    return sweep_record(list(trials)).scored


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    trials = scored(trial(*values) for values in (("a", 0.5, 0.1), ("b", 0.4, 0.2), ("c", 0.6, 0.3), ("d", 0.5, 0.05)))
    assert [found.record.trial for found in pareto_front(trials)] == ["d", "c"]


def test_importance_is_the_rank_correlation_with_the_objective() -> None:
    trials = scored(trial(str(n), 0.1 * n, cap=1.0 + n * n) for n in range(1, 7))
    found = importance_of(trials)
    assert set(found) == {"reward.cap"}, "settings that do not differ say nothing"
    assert found["reward.cap"].mean == pytest.approx(1)
    assert importance_of(trials[:3]) == {}


def test_the_verdict_says_what_the_intervals_say() -> None:
    assert verdict(comparison(0.1, 0.2, 0.3)).startswith("The winner beats equal weights: held_out_overall +0.200")
    assert "worse than equal weights" in verdict(comparison(-0.3, -0.2, -0.1))
    unclear = verdict(comparison(-0.1, 0.05, 0.292))
    assert "make no difference that this sweep can see" in unclear
    assert "0.392 wide" in unclear
    assert "four of five such runs is 0.280" in unclear
    assert "(the rubric's own score, of one origin with the reward: +0.500 [+0.250, +0.750])" in unclear


def test_the_report_shows_every_trial(tmp_path: Path) -> None:
    from ecr_rl.config import config_yaml

    trials = [trial(f"t{n}", 0.1 * n, kl=0.1 / n, cap=float(n)) for n in range(1, 6)]
    found = sweep_record([*trials, trial("broken", None, status="failed")])
    write_json(tmp_path / "sweep.json", found.to_json())
    (tmp_path / "sweep.yaml").write_text("base: demo\n")
    (tmp_path / "config.yaml").write_text(config_yaml(load_config("demo")))
    page = write_sweep_report(tmp_path).read_text()
    assert all(f"<td>t{n}</td>" in page for n in range(1, 6))
    assert "Trial broken failed after 15 iterations: out of memory" in page
    assert "The winner beats equal weights" in page
    assert "2 intervals at 95 %, not corrected for their number" in page
    assert {file.name for file in (tmp_path / "report" / "plots").iterdir()} == {
        "pareto.png",
        "parallel_coordinates.png",
        "settings.png",
        "importance.png",
    }


def test_the_outcome_goes_into_a_page_as_a_table(tmp_path: Path) -> None:
    found = sweep_record([trial("a", 0.5), trial("b", 0.75, status="stopped"), trial("c", None, status="failed")])
    write_json(tmp_path / "sweep.json", found.to_json())
    (tmp_path / "run.json").write_text(json.dumps({"resumed": []}))
    text = outcome(tmp_path)
    assert text.startswith(
        "3 trials (1 stopped, 1 finished, 1 failed) in 10 minutes, final trainings in 15 minutes. The"
    )
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == ["| trial", "| ---", "| b", "| a", "| c"]
    (tmp_path / "run.json").write_text(json.dumps({"resumed": [{}]}))
    assert "in several starts" in outcome(tmp_path), "the time of the last start is not the sweep's"
