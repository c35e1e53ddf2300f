"""Compare baseline and RL: every figure of both systems with a paired bootstrap interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from algorithms.evaluators import text_figures
from ecr_rl.evaluation.bootstrap import COVERAGE, Metrics, Statistic, draw, paired
from ecr_rl.evaluation.conversations.agreement import rank_agreement
from ecr_rl.evaluation.conversations.comparison import (
    Agreement,
    Bootstrap,
    Comparison,
    FrequentReply,
    FurtherFigures,
    SacrebleuScores,
    Systems,
)
from ecr_rl.evaluation.conversations.definitions import (
    head_score,
    main_figures,
    more_figures,
    part_definition,
    reporting_score,
)
from ecr_rl.evaluation.conversations.figure_definition import (
    Definition,
    Dialogues,
    dialogue_values,
)
from ecr_rl.evaluation.conversations.held_out_figures import held_out_statistics
from ecr_rl.evaluation.conversations.records import ConversationRecord, TurnRecord
from envs.errors import DataError
from envs.heads import Head

Records = Sequence[ConversationRecord]
Statistics = Mapping[str, Statistic]
FREQUENT = 10
"""The number of most frequent replies that are reported."""
METHOD = "percentile over dialogues, paired; deviations drawn with them; DIST by each dialogue's jackknife influence"
"""How intervals are drawn."""


def compare(
    baseline: Iterable[ConversationRecord],
    rl: Iterable[ConversationRecord],
    heads: Sequence[Head],
    own: Sequence[Definition] = (),
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two systems on the same dialogues.

    Args:
        baseline: the records of one.
        rl: of the other.
        heads: that the run scores.
        own: further figures, from outside.
        resamples: of the bootstrap.
        seed: of the resamples.

    Returns:
        The figures of both and their differences. Every number is finite.

    Raises:
        DataError: no records, a dialogue twice, or two systems with different dialogues.
    """
    found = statistics_of(baseline, rl, heads, own)
    first, second = found.dialogues
    counts_BN = draw(len(first), resamples, seed)
    figures = main_figures(heads)
    main, main_difference = _intervals(figures, *found.figures, counts_BN)
    further = (*more_figures(heads, own), *map(part_definition, found.parts))
    more, more_difference = _intervals(further, *found.figures, counts_BN)
    return Comparison(
        systems=main,
        difference=main_difference,
        n=len(first),
        n_like_length=found.like_length,
        conversations=len(first[0]),
        missing=_missing(main, main_difference),
        more=FurtherFigures(more, more_difference, _missing(more, more_difference), _sacrebleu(first, second)),
        agreement=_agreement(first, second, counts_BN),
        frequent=Systems(_frequent(first), _frequent(second)),
        formulas={definition.name: definition.formula for definition in (*figures, *further)},
        bootstrap=Bootstrap(METHOD, COVERAGE, resamples, seed),
    )


@dataclass(frozen=True)
class Compared:
    """Two systems on the same dialogues.

    Attributes:
        dialogues: for the baseline and for rl, the conversations of each dialogue.
        figures: of each, its statistics by name: ``main_figures``, ``more_figures`` and the reward's parts.
        parts: names of these parts.
        like_length: number of dialogues in which both systems' replies have similar length.
    """

    dialogues: tuple[Dialogues, Dialogues]
    figures: tuple[Statistics, Statistics]
    parts: list[str]
    like_length: int


def statistics_of(
    baseline: Iterable[ConversationRecord],
    rl: Iterable[ConversationRecord],
    heads: Sequence[Head],
    own: Sequence[Definition] = (),
) -> Compared:
    """The statistics that ``compare`` draws its intervals from.

    Raises:
        DataError: as ``compare``.
    """
    first, second = _matched(baseline, rl)
    held_out = held_out_statistics(first, second, [head.name for head in heads if head.judged])
    parts = sorted({name for turn in _turns((*first, *second)) for name in turn.parts})
    figures = (*main_figures(heads), *more_figures(heads, own), *map(part_definition, parts))
    alone = {figure.name: figure.statistic for figure in figures if figure.statistic is not None}
    mine, theirs = (
        {**both, **{name: statistic(dialogues) for name, statistic in alone.items()}}
        for dialogues, both in ((first, held_out.baseline), (second, held_out.rl))
    )
    return Compared((first, second), (mine, theirs), parts, held_out.like_length)


def _matched(baseline: Iterable[ConversationRecord], rl: Iterable[ConversationRecord]) -> tuple[Dialogues, Dialogues]:
    """Both systems' records by dialogue, in order."""
    first, second = (sorted(records, key=lambda record: record.key) for records in (baseline, rl))
    for name, records in (("baseline", first), ("rl", second)):
        if not records:
            raise DataError(f"the {name} system has no records", remedy="Evaluate it on at least one dialogue")
        if len({record.key for record in records}) < len(records):
            raise DataError(f"a conversation stands twice in the records of the {name} system", field="index")
    if [record.key for record in first] != [record.key for record in second]:
        raise DataError(
            "the two systems were evaluated on different dialogues",
            field="index",
            remedy="Evaluate both on the same ones: the comparison is paired by dialogue",
        )
    return _by_dialogue(first), _by_dialogue(second)


def _by_dialogue(records: Records) -> Dialogues:
    return [list(group) for _, group in groupby(records, key=lambda record: record.index)]


def _turns(dialogues: Dialogues) -> Iterator[TurnRecord]:
    return (turn for records in dialogues for record in records for turn in record.turns)


def _intervals(
    definitions: Sequence[Definition], baseline: Statistics, rl: Statistics, counts_BN: np.ndarray
) -> tuple[Systems[Metrics], Metrics]:
    """Each figure of both systems, and its paired difference."""
    found = {figure.name: paired(baseline[figure.name], rl[figure.name], counts_BN) for figure in definitions}
    mine, theirs, difference = ({name: each[part] for name, each in found.items()} for part in range(3))
    return Systems(mine, theirs), difference


def _missing(systems: Systems[Metrics], difference: Metrics) -> list[str]:
    """The figures without data of one system or both."""
    return [name for name in difference if None in (systems.baseline[name], systems.rl[name], difference[name])]


def _agreement(baseline: Dialogues, rl: Dialogues, counts_BN: np.ndarray) -> Agreement:
    """Rank correlation over dialogues of the critic's head ``overall`` and the held-out one, also of the gains."""
    paid = Systems(*(dialogue_values(each, head_score("overall")) for each in (baseline, rl)))
    held_out = Systems(*(dialogue_values(each, reporting_score("overall")) for each in (baseline, rl)))
    return rank_agreement(paid, held_out, counts_BN)


def _frequent(dialogues: Dialogues) -> list[FrequentReply]:
    """The most frequent replies of a system."""
    counts = Counter(turn.reply for turn in _turns(dialogues))
    return [FrequentReply(reply, count, count / counts.total()) for reply, count in counts.most_common(FREQUENT)]


def _sacrebleu(baseline: Dialogues, rl: Dialogues) -> SacrebleuScores | None:
    """Corpus BLEU of both systems; None unless both have gold cases."""
    cases = [
        [case for records in dialogues for record in records for case in record.gold] for dialogues in (baseline, rl)
    ]
    first, second = (
        text_figures.sacrebleu_score([case.reply for case in gold], [case.reference for case in gold]) for gold in cases
    )
    return None if first is None or second is None else SacrebleuScores(first[0], second[0], first[1])
