"""What a gain has to keep, and what a comparison that kept less says."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from ecr_rl.evaluation.conversations import figures
from ecr_rl.evaluation.conversations.comparison import Comparison
from ecr_rl.report.criteria import Criterion, criteria_of, sentence
from tests.ecr_rl.example_run import conversation, known, turn
from tests.known_heads import DEFINITIONS

compare = partial(figures.compare, heads=DEFINITIONS)


def bars_by_name(gain: float, rl_reply: str, **rl: Any) -> dict[tuple[str, str], Criterion]:
    """The bars of 40 dialogues: rl gains so much in ``overall``, says this, and differs in what else is given."""
    baseline = [
        conversation(i, turn(f"try film {i} tonight", held_out={"overall": 0.5 + i % 2 / 100})) for i in range(40)
    ]
    said = [
        conversation(i, turn(rl_reply.format(i), held_out={"overall": 0.5 + i % 2 / 100 + gain}, **rl))
        for i in range(40)
    ]
    found = criteria_of(compare(baseline, said, resamples=200), kl_target=0.05, heads=DEFINITIONS)
    return {(bar.name, bar.asked): bar for bar in found}


def bar_of(report: Comparison, name: str) -> Criterion:
    """The last bar of a name: of a head with two bars, the one that it must not fall."""
    return [bar for bar in criteria_of(report, kl_target=None, heads=DEFINITIONS) if bar.name == name][-1]


def test_bars_say_what_a_gain_has_to_keep() -> None:
    bars = bars_by_name(0.1, "try film {} tonight", kl=0.25)
    overall = "Held-out overall"
    assert bars[overall, "interval above 0"].met and bars[overall, "mean at least +0.5 deviations"].met
    assert bars["Distinct replies, rl / baseline", "at least 0.9"].found == "1.000"
    assert bars["Most frequent reply of rl", "at most 2 % of all"].found == "2.5 %"
    assert bars["DIST-2, rl / baseline", "at least 0.95"].met
    # .25 nats over a reply of five tokens
    assert bars["KL to the reference", "below 1.5 times its target of 0.05"].found == "0.0500 [0.0500, 0.0500]"
    assert bars["Accepted", "interval above 0"].met is False
    assert bars["Turns", "upper end below +0.1 turns"].met
    assert bars["Held-out empathy", "interval above 0"].met is None


def test_what_must_not_get_worse_needs_dialogues_enough_to_see_it() -> None:
    """A measure that differs by chance alone: 20 dialogues leave a fall of more than a fifth open, 2,000 do not."""

    def met(dialogues: int) -> bool | None:
        rng = np.random.default_rng(0)
        baseline, rl = (
            [conversation(i, turn(f"film {i}", pmi=float(rng.normal()))) for i in range(dialogues)] for _ in range(2)
        )
        found = criteria_of(compare(baseline, rl, resamples=200), kl_target=None, heads=DEFINITIONS)
        return next(bar.met for bar in found if bar.name == "Held-out PMI")

    assert met(20) is False
    assert met(2000) is True


def test_a_mean_inside_the_margin_does_not_meet_a_bar_that_its_interval_crosses() -> None:
    """One conversation in 40 is two turns longer: .05 turns on average, and .1 lies inside the interval."""
    baseline, rl = (
        [conversation(i, *[turn(f"film {i}")] * (extra if i == 0 else 1)) for i in range(40)] for extra in (1, 3)
    )
    report = compare(baseline, rl, resamples=400)
    rise = known(report.more.difference["turns"])
    assert rise.mean < 0.1 < rise.high
    assert bar_of(report, "Turns").met is False


@pytest.mark.parametrize(("fall", "held"), [(0.05, True), (0.15, False), (0.25, False)])
def test_recommendation_may_fall_by_half_of_what_other_heads_may(fall: float, held: bool) -> None:
    """A fall, in deviations, that is the same in every dialogue: other heads may fall by .2."""

    def met(head: str) -> bool | None:
        scores = [{head: 0.5 + (-1) ** i / 10} for i in range(40)]
        spread = float(np.std([each[head] for each in scores], ddof=1))
        baseline = [conversation(i, turn(f"film {i}", held_out=each)) for i, each in enumerate(scores)]
        rl = [
            conversation(i, turn(f"film {i}", held_out={head: each[head] - fall * spread}))
            for i, each in enumerate(scores)
        ]
        return bar_of(compare(baseline, rl, resamples=200), f"Held-out {head.replace('_', ' ')}").met

    assert met("recommendation") is held
    assert met("informativeness") is (fall < 0.2)


def test_bars_name_what_was_paid_for_a_gain() -> None:
    bars = bars_by_name(0.1, "what do you like", kl=2.5, pmi=0.05)
    missed = {bar.name for bar in bars.values() if bar.met is False}
    assert {
        "Distinct replies, rl / baseline",
        "Most frequent reply of rl",
        "DIST-2, rl / baseline",
        "KL to the reference",
    } <= missed
    told = sentence(list(bars.values()))
    assert "Most frequent reply of rl 100.0 % (at most 2 % of all)" in told
    assert told.startswith(f"{sum(bar.met is True for bar in bars.values())} of ")
