"""Several runs together: means over runs, intervals over training seeds with the dialogues' variance inside."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from ecr_rl.cli import app
from ecr_rl.evaluation.bootstrap import Ratio, draw, paired
from ecr_rl.evaluation.conversations import figures, over_runs
from ecr_rl.evaluation.conversations.over_runs import critical_value, difference_over_runs
from ecr_rl.evaluation.conversations.records import ConversationRecord
from ecr_rl.report.results_table import results_table
from envs.errors import DataError
from tests.ecr_rl.example_run import conversation, example_records, known, turn, write_example_run
from tests.known_heads import DEFINITIONS

compare = partial(figures.compare, heads=DEFINITIONS)
compare_runs = partial(over_runs.compare_runs, heads=DEFINITIONS)


def constant(value: float, dialogues: int = 12) -> Ratio:
    return Ratio(np.full(dialogues, value), np.ones(dialogues))


def records(reward: float, dialogues: int = 12) -> list[ConversationRecord]:
    return [conversation(index, turn(reward=reward)) for index in range(dialogues)]


def test_runs_without_noise_have_students_interval_over_seeds() -> None:
    """Rises of 1, 2 and 6 that no dialogue changes: scipy's interval of three numbers."""
    rises = [1.0, 2.0, 6.0]
    found = difference_over_runs([(constant(0.0), constant(rise)) for rise in rises], draw(12, 400, 0))
    low, high = stats.t.interval(0.95, df=2, loc=np.mean(rises), scale=stats.sem(rises))
    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((3.0, low, high))


def test_runs_that_move_together_have_the_dialogues_interval() -> None:
    """Five equal runs: the variance is that of the dialogues, and the interval that of scipy's bootstrap of one run."""
    gains = np.random.default_rng(0).normal(1.0, 2.0, size=100)
    pair = Ratio(np.zeros(100), np.ones(100)), Ratio(gains, np.ones(100))
    found = difference_over_runs([pair] * 5, draw(100, 4000, 0))
    known_interval = stats.bootstrap((gains,), np.mean, method="percentile", rng=0).confidence_interval
    assert found is not None
    assert (found.low, found.high) == pytest.approx((known_interval.low, known_interval.high), abs=0.03)


@pytest.mark.parametrize("runs", [2, 3, 5, 10])
def test_the_interval_covers_93_to_97_percent_whichever_variance_is_larger(runs: int) -> None:
    """By integration: normal means, a known variance of the dialogues, an estimated one of the seeds."""
    quantiles = stats.chi2.ppf((np.arange(1000) + 0.5) / 1000, runs - 1) / (runs - 1)
    for share in (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0):
        critical = np.array([critical_value(share * each, 1 - share, runs) for each in quantiles])
        half = critical * np.sqrt(share * quantiles + 1 - share)
        assert 0.93 <= float(np.mean(2 * stats.norm.cdf(half) - 1)) <= 0.97, share


def test_one_run_has_the_interval_of_the_paired_bootstrap() -> None:
    rng = np.random.default_rng(0)
    baseline, rl = (Ratio(rng.normal(size=40), np.ones(40)) for _ in range(2))
    counts = draw(40, 300, 5)
    assert difference_over_runs([(baseline, rl)], counts) == paired(baseline, rl, counts)[2]


def test_runs_that_agree_keep_the_noise_of_the_dialogues() -> None:
    baseline, rl = example_records(0.0), example_records(0.1)
    once, twice = (compare_runs([(baseline, rl)] * count, resamples=2000) for count in (1, 2))
    for name in ("reward", "held_out_overall", "length"):
        one, both = known(once.difference[name]), known(twice.difference[name])
        assert both.mean == one.mean
        assert both.high - both.low == pytest.approx(one.high - one.low, rel=0.1)
    assert twice.each[0]["reward"] == compare(baseline, rl).difference["reward"]
    assert (twice.runs, twice.n) == (2, 80)


def test_runs_on_other_dialogues_are_refused() -> None:
    with pytest.raises(DataError, match="different dialogues"):
        compare_runs([(records(0.0), records(1.0)), (records(0.0, 10), records(1.0, 10))])
    with pytest.raises(DataError, match="no runs"):
        compare_runs([])


def test_a_seeker_that_failed_in_one_run_leaves_its_conversation_out_of_all() -> None:
    """Where run two has no conversation, run one gains 24 times as much as in any other."""
    one, two = (
        (records(0.0, 24), [conversation(n, turn(reward=24.0 if n == 5 else 1.0)) for n in range(24)]) for _ in range(2)
    )
    lacking = ([each for each in two[0] if each.index != 5], [each for each in two[1] if each.index != 5])
    found = compare_runs([one, lacking], resamples=20)
    assert (found.n, found.seeker_failures) == (23, 1)
    assert [known(each["reward"]).mean for each in found.each] == [1.0, 1.0]
    assert "as a seeker failed in one: 1. " in results_table(found, ["one", "two"], DEFINITIONS)
    whole = compare_runs([one, two], resamples=20)
    assert (whole.n, whole.seeker_failures) == (24, 0)
    assert "seeker failed" not in results_table(whole, ["one", "two"], DEFINITIONS)
    with pytest.raises(DataError, match="the two systems"):
        compare_runs([one, (lacking[0], two[1])], resamples=20)


def test_success_of_both_systems_stands_beside_each_run() -> None:
    def said(words: str, accepted: bool) -> list[ConversationRecord]:
        return [conversation(i, turn(f"{words} {i}", accepted=accepted and i % 2 == 0)) for i in range(12)]

    found = compare_runs([(said("a a a", False), said("a b c", True))], resamples=20)
    assert known(found.accepted[0].baseline).mean == 0.0
    assert known(found.accepted[0].rl).mean == 0.5
    table = results_table(found, ["one"], DEFINITIONS)
    assert "it speaks of this one training run" in table
    assert "| `accepted`, rl | 0.500 [" in table


def test_the_command_reads_run_folders_and_fills_a_page(tmp_path: Path) -> None:
    for name, gain in (("one", 0.1), ("two", 0.2)):
        write_example_run(tmp_path / name, gain=gain)
    page = tmp_path / "results.md"
    page.write_text("# Results\n\n<!-- results seeds -->\n<!-- /results -->\n")
    words = ["results", str(tmp_path / "one"), str(tmp_path / "two"), "--into", str(page), "--name", "seeds", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["runs"] == 2
    text = page.read_text()
    assert "| `held_out_overall` | +" in text and "| one | two | all runs |" in text
    assert f"{found['difference']['reward']['mean']:+.3f}" in text
    assert "Of all runs: t-interval over training seeds" in text and "would exclude 0 by chance" in text
    missing = CliRunner().invoke(app, ["results", str(tmp_path / "one"), "--against", "nobody"])
    assert missing.exit_code == 1 and "Run the evaluation first" in missing.output
