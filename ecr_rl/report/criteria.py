"""The bars that a PPO run must meet, one for each way in which a score can rise while conversations get worse.

A bar on a difference, rl - baseline, is met by its interval. What must rise has an interval above 0. What must not get
worse has one that ends inside a margin (non-inferiority): few dialogues give a wide interval, and a wide one does not
meet the bar. A bar on a share or a ratio is met by the figure itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ecr_rl.evaluation.bootstrap import Interval, Metrics
from ecr_rl.evaluation.conversations.builtin_figures import RUBRIC_FIGURE
from ecr_rl.evaluation.conversations.comparison import Comparison, FrequentReply, Section
from ecr_rl.evaluation.conversations.definitions import main_figures, more_figures
from ecr_rl.evaluation.conversations.figure_definition import Definition
from ecr_rl.report.verdicts import NO_DATA, mean_and_interval, percent, relative_change
from envs.heads import Head

GAIN = 0.5
"""The least gain in empathy and recommendation, in standard deviations of the baseline's conversations."""
FALL, RECOMMENDATION_FALL = 0.2, 0.1
"""How far a held-out head or measure may fall, in standard deviations of the baseline's conversations.

A fifth is what Cohen (1988) calls a small effect; recommendation, which a recommender is for, may lose half of it.
"""
REPETITION_RISE = 0.01
"""How far repetition may rise, a share of bigrams: less than one more in the some 40 of a conversation's replies."""
TURNS_RISE = 0.1
"""How far the turns of a conversation may rise: one conversation in ten is a turn longer."""
DISTINCT, VARIETY = 0.9, 0.95
"""The least share of the baseline's share of distinct replies, and of its DIST-2, that must remain."""
SAME = 0.02
"""The largest share of all replies that the most frequent reply may have."""
LENGTH = 0.3
"""The largest relative change of the mean length, up or down."""
OVER_TARGET = 1.5
"""The largest KL, as a multiple of its target."""
_DEVIATIONS = " deviations"
_ASKED_MORE = {
    f"held_out_{name}"
    for name in ("overall", "overall_length_matched", "overall_like_length", "empathy", "recommendation")
}
"""Held-out figures of which more is asked than not to fall."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One bar.

    Attributes:
        name: name of the measured figure.
        asked: the condition, as text.
        found: the figure, as text.
        met: whether the condition holds; None without data.
        miss: what it means if the condition does not hold.
    """

    name: str
    asked: str
    found: str
    met: bool | None
    miss: str


def criteria_of(report: Comparison, kl_target: float | None, heads: Sequence[Head]) -> list[Criterion]:
    """The bars of a comparison.

    Args:
        report: the comparison.
        kl_target: ``ppo.kl_target``, nats a token; with None the KL weight was fixed, and the KL has no bar.
        heads: the heads that the run scores; other heads have no bar.
    """
    definitions = {each.name: each for each in (*main_figures(heads), *more_figures(heads))}
    gain = partial(_difference, report.difference, definitions)
    other = partial(_difference, report.more.difference, definitions)
    ratio = partial(_ratio, definitions)
    return [
        gain("held_out_overall", "interval above 0", _gained, "no gain that the evaluator of other dialogues can see"),
        gain(
            RUBRIC_FIGURE.name,
            "interval above 0",
            _gained,
            "the evaluators find a gain that the rubric itself, which they predict, does not measure",
        ),
        gain(
            "held_out_overall",
            f"mean at least +{GAIN:g} deviations",
            lambda value: value.mean >= GAIN,
            "a small gain: a stronger KL or a selection for variety costs some, more iterations may give it",
        ),
        gain("held_out_overall_length_matched", "interval above 0", _gained, "the gain is one of length"),
        gain("held_out_overall_like_length", "interval above 0", _gained, "the gain is one of length"),
        *_of_heads(gain, definitions, report.difference),
        ratio(report.more, "distinct_replies", DISTINCT, "the policy says the same whatever it is told"),
        _most_frequent(report.frequent.rl),
        ratio(report, "dist2", VARIETY, "score is bought with variety"),
        gain("repetition", *_below(REPETITION_RISE, ""), "it repeats itself"),
        _length(report),
        *([] if kl_target is None else [_distance(report.systems.rl["kl"], kl_target)]),
        other("accepted", "interval above 0", _gained, "more pleasant words find the seeker no more films"),
        other("turns", *_below(TURNS_RISE, " turns"), "conversations grow longer"),
    ]


def _of_heads(
    gain: Callable[..., Criterion], definitions: Mapping[str, Definition], difference: Metrics
) -> Iterator[Criterion]:
    """The bars on held-out heads and measures; those on empathy and recommendation are the highest."""
    if "held_out_empathy" in difference:
        yield gain("held_out_empathy", "interval above 0", _gained, "the replies are not heard as more empathetic")
    if "held_out_recommendation" in difference:
        yield gain(
            "held_out_recommendation",
            *_above(-RECOMMENDATION_FALL, _DEVIATIONS),
            "empathy or talk is bought with recommendation",
        )
    worse = "this head or measure, which no training saw, finds the replies worse: the gain has a price that it names"
    for name in difference:
        if name.startswith("held_out_") and name not in _ASKED_MORE:
            lower = definitions[name].better == "lower"
            yield gain(name, *(_below(FALL, _DEVIATIONS) if lower else _above(-FALL, _DEVIATIONS)), worse)


def sentence(bars: Sequence[Criterion]) -> str:
    """How many bars are met, and which are not."""
    known = [bar for bar in bars if bar.met is not None]
    missed = [f"{bar.name} {bar.found} ({bar.asked})" for bar in known if not bar.met]
    met = f"{len(known) - len(missed)} of {len(known)} bars are met"
    return f"{met}; not met: {'; '.join(missed)}." if missed else f"{met}."


def _gained(value: Interval) -> bool:
    return value.low > 0


def _above(margin: float, unit: str) -> tuple[str, Callable[[Interval], bool]]:
    """A bar on the lower end: the condition as text, and what holds it."""
    return f"lower end above {margin:+g}{unit}", lambda value: value.low > margin


def _below(margin: float, unit: str) -> tuple[str, Callable[[Interval], bool]]:
    """A bar on the upper end: the condition as text, and what holds it."""
    return f"upper end below {margin:+g}{unit}", lambda value: value.high < margin


def _difference(
    difference: Metrics,
    definitions: Mapping[str, Definition],
    name: str,
    asked: str,
    holds: Callable[[Interval], bool],
    miss: str,
) -> Criterion:
    definition, value = definitions[name], difference[name]
    found = mean_and_interval(value, definition.decimals, signed=True)
    return Criterion(definition.label, asked, found, None if value is None else holds(value), miss)


def _ratio(definitions: Mapping[str, Definition], section: Section, name: str, least: float, miss: str) -> Criterion:
    label, asked = f"{definitions[name].label}, rl / baseline", f"at least {least:g}"
    change = relative_change(section, name)
    if change is None:
        return Criterion(label, asked, NO_DATA, None, miss)
    return Criterion(label, asked, f"{1 + change:.3f}", 1 + change >= least, miss)


def _most_frequent(replies: Sequence[FrequentReply]) -> Criterion:
    share = max((reply.share for reply in replies), default=None)
    name, asked, miss = "Most frequent reply of rl", f"at most {percent(SAME)} of all", "one sentence fits all"
    if share is None:
        return Criterion(name, asked, NO_DATA, None, miss)
    return Criterion(name, asked, percent(share, ".1f"), share <= SAME, miss)


def _length(report: Comparison) -> Criterion:
    name, asked = "Length, rl against baseline", f"within {percent(LENGTH)}"
    change, miss = relative_change(report, "length"), "replies of another length are judged"
    if change is None:
        return Criterion(name, asked, NO_DATA, None, miss)
    return Criterion(name, asked, percent(change, "+.1f"), abs(change) <= LENGTH, miss)


def _distance(kl: Interval | None, target: float) -> Criterion:
    most = OVER_TARGET * target
    name, asked = "KL to the reference", f"below {OVER_TARGET:g} times its target of {target:g}"
    miss = "the policy went further from the supervised one than it was to: ppo.kl is too weak, or adapts too slowly"
    return Criterion(name, asked, mean_and_interval(kl, 4), None if kl is None else kl.mean < most, miss)
