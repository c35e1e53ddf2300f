"""Put a report's numbers into words: intervals, marks, verdict and limits; an interval with 0 gives no verdict."""

from __future__ import annotations

from ecr_rl.config import RunConfig
from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.conversations.builtin_figures import RUBRIC_FIGURE
from ecr_rl.evaluation.conversations.comparison import Comparison, Section
from ecr_rl.evaluation.conversations.figure_definition import Definition
from ecr_rl.tables import with_interval

NO_DATA = "no data"
SEEKERS = {
    "profile": "a simulated seeker that follows an agenda drawn from the dialogue's profile",
    "model": "a simulated seeker that follows an agenda drawn from the dialogue's profile in a language model's words",
    "replay": "a replay of the human seeker's lines, whatever the recommender says",
}
MARKS = {"better": "\u25b2", "worse": "\u25bc", "changed": "\u25c6", "unclear": "\u00b7", "no data": "\u00b7"}
"""One sign for each reading of a difference."""


def mean_and_interval(value: Interval | None, decimals: int, *, signed: bool = False) -> str:
    """``0.412 [0.380, 0.447]``; signed for a difference."""
    return with_interval(value, f".{decimals}f", signed=signed, missing=NO_DATA)


def percent(share: float, form: str = ".0f") -> str:
    """A share as ``95 %``."""
    return f"{100 * share:{form}} %"


def reading(definition: Definition, difference: Interval | None) -> str:
    """``better``, ``worse`` or ``changed`` when the interval excludes 0, otherwise ``unclear``, or ``no data``."""
    if difference is None:
        return NO_DATA
    if not difference.excludes_zero:
        return "unclear"
    if definition.better == "neither":
        return "changed"
    return "better" if (difference.mean > 0) == (definition.better == "higher") else "worse"


def marked(change: str) -> str:
    """A reading with its sign for a table; empty if the difference is unclear or has no data."""
    return f"{MARKS[change]} {change}" if change in ("better", "worse", "changed") else ""


def relative_change(section: Section, name: str) -> float | None:
    """(rl - baseline) / baseline; None without data or from a baseline of 0."""
    baseline, difference = section.systems.baseline[name], section.difference[name]
    if baseline is None or difference is None or baseline.mean == 0:
        return None
    return difference.mean / abs(baseline.mean)


def verdict(report: Comparison) -> list[str]:
    """The conclusions on reward, reporting evaluator and text, one sentence each."""
    return [sentence for sentence in (_reward(report), _reporting_evaluator(report), _text(report)) if sentence]


def _reward(report: Comparison) -> str:
    difference = report.difference["reward"]
    if difference is None:
        return "Held-out reward cannot be compared: a system has no turns with a reward."
    change = mean_and_interval(difference, 3, signed=not difference.excludes_zero)
    over = f"95 % paired bootstrap interval over {report.n} held-out dialogues"
    if difference.low > 0:
        return f"RL raised held-out reward by {change} a turn ({over})."
    if difference.high < 0:
        fall = Interval(-difference.mean, -difference.high, -difference.low)
        return f"RL lowered held-out reward by {mean_and_interval(fall, 3)} a turn ({over})."
    return f"RL did not measurably change held-out reward: {change} a turn; the {over} includes 0."


def _reporting_evaluator(report: Comparison) -> str:
    difference = report.difference["held_out_overall"]
    if difference is None:
        return ""
    change = mean_and_interval(difference, 3, signed=True)
    if difference.low > 0:
        said = f"The reporting evaluator, which PPO never saw, also scores RL higher: {change}"
    elif difference.high < 0:
        said = f"The reporting evaluator, which PPO never saw, scores RL lower: {change}"
    else:
        said = (
            f"The reporting evaluator, which PPO never saw, finds no measurable difference: {change}, which includes 0,"
        )
    matched = report.difference["held_out_overall_length_matched"]
    at_length = "" if matched is None else f"; at equal length {mean_and_interval(matched, 3, signed=True)}"
    return f"{said} standard deviations of the baseline's conversations{at_length}.{_rubric(report)}"


def _rubric(report: Comparison) -> str:
    """The rubric's own score beside that of the evaluator which predicts it."""
    difference = report.difference[RUBRIC_FIGURE.name]
    if difference is None:
        return ""
    return (
        f" The rubric's own score, which that evaluator predicts and which shares its origin with the reward, moves by "
        f"{mean_and_interval(difference, 3, signed=True)} of its deviations."
    )


def _text(report: Comparison) -> str:
    changes = [_relative(report, name, label) for name, label in (("dist2", "DIST-2"), ("length", "mean reply length"))]
    known = [change for change in changes if change]
    return f"Relative to the baseline: {', '.join(known)}." if known else ""


def _relative(report: Comparison, name: str, label: str) -> str:
    relative, difference = relative_change(report, name), report.difference[name]
    if relative is None or difference is None:
        return ""
    return f"{label} {percent(relative, '+.1f')}{'' if difference.excludes_zero else ' (interval includes 0)'}"


def protocol(report: Comparison, config: RunConfig) -> dict[str, str]:
    """How the figures were made, by topic, for the page."""
    bootstrap, env, policy = report.bootstrap, config.env, config.policy
    turns = f"{env.horizon} free turns" if env.seeker == "replay" else f"at most {env.max_turns} recommender turns"
    return {
        "Systems": "baseline: the supervised policy that RL started from; rl: the policy after PPO",
        "Dialogues": f"{report.n} held-out dialogues of source {config.data.source}, the same for both systems, "
        f"{report.conversations} conversations on each",
        "Conversation": f"{_speaker(env.seeker)}; {turns}; same seeds for both systems",
        "Sampling": f"both systems: temperature {policy.temperature:g}, at most {policy.max_new} tokens a reply",
        "Intervals": f"{percent(bootstrap.coverage)} bootstrap, {bootstrap.resamples:,} resamples, seed "
        f"{bootstrap.seed}; {bootstrap.method}",
        "Difference": "rl - baseline, paired by dialogue",
        "Like length": f"{report.n_like_length} of these dialogues have replies of like length in both systems",
    }


def _speaker(seeker: str) -> str:
    """The seeker in words; your own seeker is called by its name."""
    return SEEKERS.get(seeker, f"the seeker {seeker}, which is no part of this project")


def agreement_rows(report: Comparison) -> list[tuple[str, str]]:
    """The rank correlation of the critic's and the held-out score, for baseline, rl and gain."""
    agreement = report.agreement
    rows = {"baseline": agreement.baseline, "rl": agreement.rl, "gain, rl - baseline": agreement.gain}
    return [(label, mean_and_interval(correlation, 3)) for label, correlation in rows.items()]


def limits(report: Comparison, config: RunConfig) -> list[str]:
    """What the figures do not say."""
    lines = [
        "The reward is a learned critic's score. A rise says that replies moved towards what this critic rates highly, "
        "not that people prefer them; the reporting evaluator and the conversations below are there to check it.",
        f"The other speaker is {_speaker(config.env.seeker)}, not a person.",
        f"One training run (seed {config.seed}): the intervals cover the choice of dialogues and speak of this run's "
        "policy alone, not of what other training runs would give.",
        "DIST falls as a system writes more: read it beside the length. BLEU compares with one human reply only.",
    ]
    if config.data.source == "sample":
        lines.append(
            "The dialogues come from the embedded corpus, which is generated: the figures say nothing about ReDial, "
            "and no published figure can stand beside them."
        )
    if report.missing:
        lines.append(f"No data, or only for one system: {', '.join(report.missing)}.")
    return lines
