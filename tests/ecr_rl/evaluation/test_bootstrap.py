from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ecr_rl.evaluation.bootstrap import Auc, Distinct, Interval, Ratio, draw, interval, paired


def mean(*values: float | None) -> Ratio:
    known = [value is not None for value in values]
    return Ratio(np.array([value or 0.0 for value in values]), np.array(known, dtype=float))


def test_every_resample_draws_as_many_dialogues_as_there_are() -> None:
    counts = draw(7, 50, seed=3)
    assert counts.shape == (50, 7)
    assert (counts.sum(axis=1) == 7).all()


def test_the_same_seed_draws_the_same_resamples() -> None:
    assert (draw(9, 20, seed=1) == draw(9, 20, seed=1)).all()
    assert (draw(9, 20, seed=1) != draw(9, 20, seed=2)).any()


def test_two_dialogues_worked_by_hand() -> None:
    counts = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    assert mean(0.0, 1.0).over(counts).tolist() == [0.0, 0.5, 1.0]
    # A quarter of the resamples holds one dialogue only, so that the interval reaches both values.
    assert interval(mean(0.0, 1.0), draw(2, 2000, 0)) == Interval(0.5, 0.0, 1.0)


def test_a_ratio_weighs_dialogues_by_their_size() -> None:
    kl = Ratio(np.array([1.0, 3.0]), np.array([10.0, 10.0]))
    assert kl.over(np.array([[1.0, 1.0], [2.0, 0.0]])).tolist() == [0.2, 0.1]


def test_a_constant_shift_has_an_interval_without_width() -> None:
    values = np.random.default_rng(0).normal(size=40)
    baseline, rl = mean(*values), mean(*(values + 0.25))
    first, _, difference = paired(baseline, rl, draw(40, 500, 0))
    assert first is not None and first.high - first.low > 0.3
    assert difference is not None
    assert (difference.mean, difference.low, difference.high) == pytest.approx((0.25, 0.25, 0.25), abs=1e-12)
    assert difference.excludes_zero


def test_equal_systems_differ_by_exactly_nothing() -> None:
    values = np.random.default_rng(0).normal(size=40)
    _, _, difference = paired(mean(*values), mean(*values), draw(40, 500, 0))
    assert difference is not None
    assert difference == Interval(0.0, 0.0, 0.0)
    assert not difference.excludes_zero


def test_pairing_removes_what_dialogues_have_in_common() -> None:
    rng = np.random.default_rng(0)
    hardness, effect = rng.normal(scale=5, size=100), 0.2 + rng.normal(scale=0.1, size=100)
    first, second, difference = paired(mean(*hardness), mean(*(hardness + effect)), draw(100, 1000, 0))
    assert first and second and difference
    assert first.high > second.low, "each system's interval is wide"
    assert 0.15 < difference.low < difference.high < 0.25


def test_interval_of_a_mean_is_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = interval(mean(*values), draw(400, 4000, 0))
    assert found is not None
    half = 1.96 * values.std() / 20
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.06)
    assert (found.high + found.low) / 2 == pytest.approx(values.mean(), abs=0.02)


def test_only_dialogues_with_data_in_both_systems_are_compared() -> None:
    first, second, difference = paired(mean(1.0, 9.0, None, 3.0), mean(2.0, None, 7.0, 4.0), draw(4, 500, 0))
    assert first and second and difference
    assert (first.mean, second.mean, difference.mean) == (2.0, 3.0, 1.0)
    assert (difference.low, difference.high) == pytest.approx((1.0, 1.0))


def test_a_system_without_data_leaves_the_other_its_figure() -> None:
    first, second, difference = paired(mean(None, None), mean(1.0, 3.0), draw(2, 200, 0))
    assert first is None and difference is None
    assert second is not None and second.mean == 2.0


def test_nothing_in_common_means_no_difference() -> None:
    first, second, difference = paired(mean(1.0, None), mean(None, 3.0), draw(2, 200, 0))
    assert first is not None and second is not None
    assert difference is None


def test_one_dialogue_has_an_interval_without_width() -> None:
    assert interval(mean(3.0), draw(1, 50, 0)) == Interval(3.0, 3.0, 3.0)


def test_distinct_items_leave_one_out_worked_by_hand() -> None:
    # Dialogue 0 has the items a b, dialogue 1 has b c d: 4 distinct of 5; alone are a, and c d.
    # Without 0: 3/3; without 1: 2/2. Both dialogues pull the figure down alike, so resampling moves nothing.
    pair = Distinct(4, np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    assert pair.over(np.array([[1.0, 1.0], [2.0, 0.0]])) == pytest.approx([0.8, 0.8])
    # Dialogue 0 says "a a" (one item, two tokens), 1 says "b c": 3 distinct of 4; without 0: 1, without 1: 1/2.
    # Influences (N - 1)(mean - without): -1/4 and 1/4. Drawing 0 twice: 3/4 - 1/4.
    uneven = Distinct(3, np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    assert uneven.over(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])) == pytest.approx([0.75, 0.5, 1.0])


def test_distinct_items_of_a_single_dialogue_or_of_none() -> None:
    only = Distinct(3, np.array([3.0, 0.0]), np.array([4.0, 0.0]))
    assert only.over(np.array([[1.0, 1.0], [0.0, 2.0]])) == pytest.approx([0.75, 0.75])
    assert interval(Distinct(0, np.zeros(3), np.zeros(3)), draw(3, 10, 0)) is None


def test_distinct_items_interval_holds_the_figure_itself() -> None:
    rng = np.random.default_rng(0)
    alone, sizes = rng.integers(1, 12, size=80).astype(float), np.full(80, 20.0)
    found = interval(Distinct(int(alone.sum()) + 150, alone, sizes), draw(80, 1000, 0))
    assert found is not None
    assert found.low < found.mean < found.high


def test_intervals_of_paired_means_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    baseline = rng.gamma(2.0, size=120)
    rl = baseline + rng.gamma(2.0, size=120) - 1.8
    expected = stats.bootstrap(
        (baseline, rl),
        lambda first, second, axis: second.mean(axis) - first.mean(axis),
        n_resamples=9999,
        paired=True,
        method="percentile",
        rng=rng,
    ).confidence_interval
    _, _, found = paired(mean(*baseline), mean(*rl), draw(120, 9999, 0))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_interval_of_a_ratio_is_that_of_scipy() -> None:
    rng = np.random.default_rng(6)
    sizes = rng.integers(1, 30, 150).astype(float)
    sums = sizes * 0.3 + rng.normal(size=150)
    expected = stats.bootstrap(
        (sums, sizes),
        lambda above, below, axis: above.sum(axis) / below.sum(axis),
        n_resamples=9999,
        paired=True,
        method="percentile",
        rng=rng,
    ).confidence_interval
    found = interval(Ratio(sums, sizes), draw(150, 9999, 0))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.001)


def test_auc_without_one_of_the_classes_is_not_defined() -> None:
    alone = Auc(np.array([1.0, 2.0]), np.array([True, True]), np.array([0, 1]), 2)
    assert np.isnan(alone.over(np.ones((1, 2)))).all()
    assert np.isnan(Auc(np.zeros(0), np.zeros(0, bool), np.zeros(0, int), 2).over(np.ones((2, 2)))).all()


def test_auc_equals_a_count_of_pairs() -> None:
    rng = np.random.default_rng(0)
    scores, positive, dialogues = rng.integers(0, 9, 60).astype(float), rng.random(60) < 0.6, rng.integers(0, 12, 60)
    counts = rng.integers(0, 3, (5, 12)).astype(float)
    found = Auc(scores, positive, dialogues, 12).over(counts)
    for row, auc in zip(counts[:, dialogues], found, strict=True):
        pairs = np.outer(row[positive], row[~positive])
        above = np.sign(scores[positive][:, None] - scores[~positive][None]) / 2 + 0.5
        assert auc == pytest.approx((pairs * above).sum() / pairs.sum())
