"""Constraints on what a kept policy may lose, worked by hand."""

from __future__ import annotations

import pytest

from algorithms.settings.ppo import PPOSettings
from ecr_rl.training.constraints import Constraint, Scored, constraints_of, rank, violated


def test_a_value_may_fall_by_the_margin_and_no_further() -> None:
    assert Constraint("success", value=0.8, start=0.8, margin=0.05).slack == 1
    exact = Constraint("success", value=0.75, start=0.8, margin=0.05)
    assert exact.slack == pytest.approx(0) and exact.satisfied, "rounding is no fall"
    far = Constraint("success", value=0.65, start=0.8, margin=0.05)
    assert far.slack == pytest.approx(-2) and not far.satisfied
    assert Constraint("success", value=0.9, start=0.8, margin=0.05).slack == pytest.approx(3)


def test_without_a_margin_nothing_may_be_lost() -> None:
    assert Constraint("pmi", value=0.5, start=0.5, margin=0.0).satisfied
    assert not Constraint("pmi", value=0.499, start=0.5, margin=0.0).satisfied


def test_a_rank_is_the_score_or_below_zero() -> None:
    kept = Constraint("pmi", value=0.5, start=0.5, margin=0.1)
    near, far = (Constraint("success", value, start=0.5, margin=0.1) for value in (0.3, 0.1))
    assert rank(0.7, [kept]) == rank(0.7, []) == 0.7
    assert rank(0.7, [kept, near]) == pytest.approx(-1 - 1 / 2), "slack -1"
    assert rank(0.9, [kept, far]) == pytest.approx(-1 - 3 / 4), "slack -3"
    assert rank(0.9, [near, far]) == pytest.approx(-2 - 3 / 4)
    assert violated([kept, near, far]) == ["success", "success"]


def test_margins_are_in_the_units_of_the_settings() -> None:
    start = Scored(
        0, 0.3, 0.0, 8.0, dist2=0.6, kl=0.0, success=0.5, failures=0, pmi=0.8, people=0.4, people_deviation=0.2
    )
    settings = PPOSettings(select_success=0.05, select_pmi=0.1, select_people=0.1, select_variety=0.9)
    margins = {each.name: each.margin for each in constraints_of(settings, start, start)}
    assert margins == pytest.approx({"success": 0.05, "pmi": 0.1, "people": 0.02, "dist2": 0.06})
    assert violated(constraints_of(settings, start, start)) == []
    free = PPOSettings(select_success=None, select_people=None)
    assert constraints_of(free, start, start) == []
