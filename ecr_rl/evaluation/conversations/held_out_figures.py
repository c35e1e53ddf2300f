"""The figures that are given in standard deviations of the baseline's conversations.

The unit is the deviation of one conversation's mean, over all conversations of the baseline. It says how much
conversations differ; more conversations on a dialogue do not shrink it. It is drawn with the dialogues, since an
interval that holds it fixed is too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.evaluators.text_figures import word_count
from ecr_rl.evaluation.bootstrap import Deviation, InDeviations, Ratio, Statistic
from ecr_rl.evaluation.conversations.builtin_figures import RUBRIC_FIGURE
from ecr_rl.evaluation.conversations.definitions import people_score, reporting_score, rubric_score
from ecr_rl.evaluation.conversations.figure_definition import (
    Dialogues,
    ValuesOf,
    conversation_means,
    dialogue_means,
    dialogue_values,
    mean_of,
    of_turns,
)
from ecr_rl.evaluation.conversations.length_matched import Intercept, of_like_length


@dataclass(frozen=True)
class HeldOut:
    """The figures in deviations of both systems, and the number of dialogues with replies of similar length."""

    baseline: dict[str, Statistic]
    rl: dict[str, Statistic]
    like_length: int


def held_out_statistics(baseline: Dialogues, rl: Dialogues, judged: Sequence[str]) -> HeldOut:
    """The figures ``held_out_<name>`` and the rubric's own, in deviations of the baseline's conversations.

    They are of the reporting evaluator's heads (``judged``), the people's evaluator's, PMI, emotion match, and the
    rubric's head ``overall``. A dialogue's score is the mean over the turns (emotion match: over the gold contexts) of
    all its conversations. The baseline's mean is 0; if all of its conversations score alike, the figure is not defined.
    ``held_out_overall_length_matched`` and ``held_out_overall_like_length`` are the gain in the head ``overall`` at
    equal length (see ``length_matched``); the baseline's is 0.
    """
    first: dict[str, Statistic] = {}
    second: dict[str, Statistic] = {}
    for name, values in _values(judged).items():
        mine, theirs = (dialogue_means(dialogues, values) for dialogues in (baseline, rl))
        middle = np.nanmean(mine) if np.isfinite(mine).any() else 0.0
        unit = Deviation.of(conversation_means(baseline, values))
        first[name], second[name] = (InDeviations(mean_of(scores - middle), unit) for scores in (mine, theirs))
    like_length = _at_equal_length(baseline, rl, first, second)
    return HeldOut(first, second, like_length)


def _at_equal_length(
    baseline: Dialogues, rl: Dialogues, first: dict[str, Statistic], second: dict[str, Statistic]
) -> int:
    """Add the gains in ``overall`` at equal length to both systems' figures; return the dialogues of like length."""
    values = of_turns(reporting_score("overall"))
    gains = dialogue_means(rl, values) - dialogue_means(baseline, values)
    unit = Deviation.of(conversation_means(baseline, values))
    known = np.isfinite(gains)
    lengths = [dialogue_values(each, lambda turn: word_count(turn.reply)) for each in (baseline, rl)]
    alike, gains = known & of_like_length(*lengths), np.where(known, gains, 0.0)
    regressed = Intercept(gains, lengths[1] - lengths[0], known)
    for name, held, gain in (
        ("held_out_overall_length_matched", known, regressed),
        ("held_out_overall_like_length", alike, Ratio(np.where(alike, gains, 0.0), alike.astype(np.float64))),
    ):
        first[name] = InDeviations(Ratio(np.zeros(len(gains)), held.astype(np.float64)), unit)
        second[name] = InDeviations(gain, unit)
    return int(alike.sum())


def _values(judged: Sequence[str]) -> dict[str, ValuesOf]:
    """By figure what it averages of a conversation."""
    heads = {f"held_out_{head}": of_turns(reporting_score(head)) for head in judged}
    return {
        **heads,
        RUBRIC_FIGURE.name: of_turns(rubric_score("overall")),
        "held_out_people": of_turns(people_score("overall")),
        "held_out_people_empathy": of_turns(people_score("empathy")),
        "held_out_pmi": of_turns(lambda turn: turn.pmi),
        "held_out_emotion_match": lambda record: [case.emotion for case in record.gold],
    }
