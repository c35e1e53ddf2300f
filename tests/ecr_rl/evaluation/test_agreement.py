from __future__ import annotations

import numpy as np
import pytest

from ecr_rl.evaluation.bootstrap import Interval, draw
from ecr_rl.evaluation.conversations.agreement import rank_agreement
from ecr_rl.evaluation.conversations.comparison import Systems
from ecr_rl.report.verdicts import mean_and_interval


def test_agreement_is_the_rank_correlation_of_each_system_and_of_the_gain() -> None:
    paid = Systems(np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 4, 5, 8, 10]))
    held_out = Systems(np.array([1.0, 2, 3, 5, 4]), np.array([1.0, 1, 1, 2, 0]))
    found = rank_agreement(paid, held_out, draw(5, 200, 0))
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with d^2 = 0, 0, 0, 1, 1
    assert found.baseline is not None and found.baseline.mean == pytest.approx(0.9)
    # gains 1 2 2 4 5 against 0 -1 -2 -3 -4: ranks 1 2.5 2.5 4 5 against 5 4 3 2 1
    assert found.gain is not None and found.gain.mean == pytest.approx(-0.97468, abs=1e-4)
    assert found.baseline.low <= 0.9 <= found.baseline.high


def test_dialogues_without_a_score_are_left_out() -> None:
    paid, scores = np.array([1.0, 2, 3, 4]), np.array([np.nan, 1, 2, 3])
    found = rank_agreement(Systems(paid, paid), Systems(scores, scores * np.nan), draw(4, 50, 0))
    assert found.baseline is not None and found.baseline.mean == pytest.approx(1.0)
    assert found.rl is None and found.gain is None


def test_a_hair_under_zero_is_written_as_zero() -> None:
    assert mean_and_interval(Interval(-1e-9, -0.5, 0.25), 3) == "0.000 [-0.500, 0.250]"
    assert mean_and_interval(Interval(-1e-9, -0.5, 0.25), 2, signed=True) == "+0.00 [-0.50, +0.25]"
