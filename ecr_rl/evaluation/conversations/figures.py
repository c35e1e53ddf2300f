"""Compare baseline and RL: every figure of both systems with a paired bootstrap interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np

from algorithms.evaluators import text_figures
from ecr_rl.evaluation.bootstrap import COVERAGE, Distinct, Metrics, Ratio, Statistic, draw, paired
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
from ecr_rl.evaluation.conversations.definitions import Definition, main_figures, more_figures, part_definition
from ecr_rl.evaluation.conversations.length_matched import Intercept, of_like_length
from ecr_rl.evaluation.conversations.records import ConversationRecord, TurnRecord
from envs.errors import DataError
from envs.heads import Head

Records = Sequence[ConversationRecord]
Dialogues = Sequence[Records]
"""The conversations of each dialogue; the bootstrap draws them together."""
Statistics = Mapping[str, Statistic]
FREQUENT = 10
"""The number of most frequent replies that are reported."""
METHOD = "percentile over dialogues, paired; DIST by each dialogue's jackknife influence"
"""How intervals are drawn."""


def compare(
    baseline: Iterable[ConversationRecord],
    rl: Iterable[ConversationRecord],
    heads: Sequence[Head],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two systems on the same dialogues.

    Args:
        baseline: the records of one.
        rl: of the other.
        heads: that the run scores.
        resamples: of the bootstrap.
        seed: of the resamples.

    Returns:
        The figures of both and their differences. Every number is finite.

    Raises:
        DataError: no records, a dialogue twice, or two systems with different dialogues.
    """
    found = statistics_of(baseline, rl, heads)
    first, second = found.dialogues
    counts_BN = draw(len(first), resamples, seed)
    figures = main_figures(heads)
    main, main_difference = _intervals(figures, *found.figures, counts_BN)
    parts = [name.removeprefix("part_") for name in found.figures[0] if name.startswith("part_")]
    further = (*more_figures(heads), *map(part_definition, parts))
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
        like_length: number of dialogues in which both systems' replies have similar length.
    """

    dialogues: tuple[Dialogues, Dialogues]
    figures: tuple[Statistics, Statistics]
    like_length: int


def statistics_of(
    baseline: Iterable[ConversationRecord], rl: Iterable[ConversationRecord], heads: Sequence[Head]
) -> Compared:
    """The statistics that ``compare`` draws its intervals from.

    Raises:
        DataError: as ``compare``.
    """
    first, second = _matched(baseline, rl)
    judged = [head.name for head in heads if head.judged]
    held_out = held_out_statistics(first, second, judged)
    parts = sorted({name for turn in _turns((*first, *second)) for name in turn.parts})
    mine, theirs = (
        _main_statistics(dialogues, [head.name for head in heads]) | own | _more_statistics(dialogues, judged, parts)
        for dialogues, own in ((first, held_out.baseline), (second, held_out.rl))
    )
    return Compared((first, second), (mine, theirs), held_out.like_length)


def _matched(baseline: Iterable[ConversationRecord], rl: Iterable[ConversationRecord]) -> tuple[Dialogues, Dialogues]:
    """Both systems' records by dialogue, in order."""
    first, second = (sorted(records, key=lambda record: record.place) for records in (baseline, rl))
    for name, records in (("baseline", first), ("rl", second)):
        if not records:
            raise DataError(f"the {name} system has no records", remedy="Evaluate it on at least one dialogue")
        if len({record.place for record in records}) < len(records):
            raise DataError(f"a conversation stands twice in the records of the {name} system", field="index")
    if [record.place for record in first] != [record.place for record in second]:
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


def _main_statistics(dialogues: Dialogues, heads: Sequence[str]) -> dict[str, Statistic]:
    bigrams = text_figures.count_grams(_replies(dialogues), 2)
    return {
        "reward": _dialogue_mean(dialogues, lambda turn: turn.reward),
        **{head: _dialogue_mean(dialogues, _head(head)) for head in heads},
        "bleu1": _gold_bleu(dialogues, 1),
        "dist2": Distinct(bigrams.distinct, bigrams.alone, bigrams.totals),
        "length": _turn_mean(dialogues, lambda turn: text_figures.word_count(turn.reply)),
        "repetition": _conversation_mean(dialogues, lambda record: text_figures.repetition(record.replies)),
        "kl": _kl(dialogues),
    }


def _more_statistics(dialogues: Dialogues, judged: Sequence[str], parts: Sequence[str]) -> dict[str, Statistic]:
    counts = {order: text_figures.count_grams(_replies(dialogues), order) for order in text_figures.ORDERS}
    return {
        **{f"second_{head}": _dialogue_mean(dialogues, _second(head)) for head in judged},
        **{f"rubric_{head}": _dialogue_mean(dialogues, _rubric(head)) for head in judged},
        **{f"bleu{order}": _gold_bleu(dialogues, order) for order in text_figures.ORDERS[1:]},
        **{f"dist{order}_all": Distinct(found.distinct, found.alone, found.totals) for order, found in counts.items()},
        **{
            f"dist{order}_sentences": Distinct(found.distinct, found.alone, found.sentences)
            for order, found in counts.items()
        },
        "distinct_replies": _distinct_replies(dialogues),
        "pmi_film_replies": _information(dialogues, film=True),
        "pmi_other_replies": _information(dialogues, film=False),
        "film_replies": _turn_mean(dialogues, lambda turn: bool(turn.films)),
        "accepted": _conversation_mean(dialogues, _accepted),
        "turns": _conversation_mean(dialogues, lambda record: float(len(record.turns))),
        "sr": _conversation_mean(dialogues, _success),
        "rdl": _conversation_mean(dialogues, _reward_per_reply),
        "tokens": _turn_mean(dialogues, lambda turn: turn.tokens),
        "cut": _turn_mean(dialogues, lambda turn: turn.cut),
        "stripped": _turn_mean(dialogues, lambda turn: turn.stripped),
        **{f"part_{part}": _dialogue_mean(dialogues, _part(part)) for part in parts},
    }


@dataclass(frozen=True)
class HeldOut:
    """The held-out figures of both systems, and the number of dialogues with replies of similar length."""

    baseline: dict[str, Statistic]
    rl: dict[str, Statistic]
    like_length: int


def held_out_statistics(baseline: Dialogues, rl: Dialogues, judged: Sequence[str]) -> HeldOut:
    """Of the reporting evaluator's heads (``judged``), PMI and emotion match the figures ``held_out_<name>``.

    A dialogue's score is the mean over the turns (emotion match: over the gold contexts) of all its conversations.
    Scores are scaled so that the baseline has mean 0 and standard deviation 1 over dialogues; if all baseline scores
    are equal, the figure is not defined. ``held_out_overall_length_matched`` and ``held_out_overall_like_length`` are
    the gain in the head ``overall`` at equal length (see ``length_matched``); the baseline's is 0.
    """
    first, second = {}, {}
    for name, values in _held_out_values(judged).items():
        mine, theirs = (values(dialogues) for dialogues in (baseline, rl))
        middle, spread = (np.nanmean(mine), np.nanstd(mine)) if np.isfinite(mine).any() else (0.0, 0.0)
        unit = spread if spread > 0 else np.nan
        for found, scores in ((first, mine), (second, theirs)):
            found[f"held_out_{name}"] = _mean_of((scores - middle) / unit)
    gains = second["held_out_overall"].numerator - first["held_out_overall"].numerator
    known = second["held_out_overall"].present & first["held_out_overall"].present
    lengths = [_dialogue_values(each, lambda turn: text_figures.word_count(turn.reply)) for each in (baseline, rl)]
    alike = known & of_like_length(*lengths)
    nothing = np.zeros(len(gains))
    first["held_out_overall_length_matched"] = Ratio(nothing, known.astype(np.float64))
    first["held_out_overall_like_length"] = Ratio(nothing, alike.astype(np.float64))
    second["held_out_overall_length_matched"] = Intercept(gains, lengths[1] - lengths[0], known)
    second["held_out_overall_like_length"] = Ratio(np.where(alike, gains, 0.0), alike.astype(np.float64))
    return HeldOut(first, second, int(alike.sum()))


def _held_out_values(judged: Sequence[str]) -> dict[str, Callable[[Dialogues], np.ndarray]]:
    """By name, the function that gives each dialogue's value (N,); NaN where there is none."""
    heads = {head: partial(_dialogue_values, value=_second(head)) for head in judged}
    return heads | {"pmi": partial(_dialogue_values, value=lambda turn: turn.pmi), "emotion_match": _emotion_match}


def _emotion_match(dialogues: Dialogues) -> np.ndarray:
    found = [[case.emotion for record in records for case in record.gold] for records in dialogues]
    return _floats([sum(row) / len(row) if row else np.nan for row in found])


def _agreement(baseline: Dialogues, rl: Dialogues, counts_BN: np.ndarray) -> Agreement:
    """Rank correlation over dialogues of the critic's head ``overall`` and the held-out one, also of the gains."""
    paid = Systems(*(_dialogue_values(each, _head("overall")) for each in (baseline, rl)))
    held_out = Systems(*(_dialogue_values(each, _second("overall")) for each in (baseline, rl)))
    return rank_agreement(paid, held_out, counts_BN)


def _frequent(dialogues: Dialogues) -> list[FrequentReply]:
    """The most frequent replies of a system."""
    counts = Counter(turn.reply for turn in _turns(dialogues))
    return [FrequentReply(reply, count, count / counts.total()) for reply, count in counts.most_common(FREQUENT)]


def _replies(dialogues: Dialogues) -> list[list[str]]:
    return [[turn.reply for record in records for turn in record.turns] for records in dialogues]


def _distinct_replies(dialogues: Dialogues) -> Distinct:
    said = [Counter(replies) for replies in _replies(dialogues)]
    holders = Counter(reply for replies in said for reply in replies)
    alone = [sum(holders[reply] == 1 for reply in replies) for replies in said]
    return Distinct(len(holders), _floats(alone), _floats([replies.total() for replies in said]))


def _head(name: str) -> Callable[[TurnRecord], float | None]:
    return lambda turn: turn.heads.get(name)


def _second(name: str) -> Callable[[TurnRecord], float | None]:
    return lambda turn: turn.held_out.get(name)


def _rubric(name: str) -> Callable[[TurnRecord], float | None]:
    return lambda turn: turn.rubric.get(name)


def _part(name: str) -> Callable[[TurnRecord], float]:
    """A part that a turn does not name paid nothing there."""
    return lambda turn: turn.parts.get(name, 0.0)


def _accepted(record: ConversationRecord) -> float | None:
    return float(any(turn.accepted for turn in record.turns)) if record.turns else None


def _found(record: ConversationRecord) -> list[float]:
    """The questionnaire's value of each turn's first film, for the turns that have one."""
    return [turn.found for turn in record.turns if turn.found is not None]


def _success(record: ConversationRecord) -> float | None:
    return float(max(found) > 0) if (found := _found(record)) else None


def _reward_per_reply(record: ConversationRecord) -> float | None:
    return sum(found) / len(found) if (found := _found(record)) else None


def _dialogue_values(dialogues: Dialogues, value: Callable[[TurnRecord], float | None]) -> np.ndarray:
    """(N,) for each dialogue the mean over its conversations' turns that have a value; NaN without such a turn."""
    found = [[value(turn) for record in records for turn in record.turns] for records in dialogues]
    known = [[number for number in row if number is not None] for row in found]
    return _floats([sum(row) / len(row) if row else np.nan for row in known])


def _dialogue_mean(dialogues: Dialogues, value: Callable[[TurnRecord], float | None]) -> Ratio:
    """Mean over a dialogue's turns that have a value, then over dialogues."""
    return _mean_of(_dialogue_values(dialogues, value))


def _conversation_mean(dialogues: Dialogues, value: Callable[[ConversationRecord], float | None]) -> Ratio:
    """Mean over the conversations that have a value."""
    known = [[number for record in records if (number := value(record)) is not None] for records in dialogues]
    return _pooled(known)


def _turn_mean(dialogues: Dialogues, value: Callable[[TurnRecord], float]) -> Ratio:
    """Mean over all turns of all conversations."""
    return _pooled([[value(turn) for record in records for turn in record.turns] for records in dialogues])


def _gold_bleu(dialogues: Dialogues, order: int) -> Ratio:
    """Mean over all gold contexts of all dialogues."""
    return _pooled(
        [
            [text_figures.bleu(case.reply, case.reference, order) for record in records for case in record.gold]
            for records in dialogues
        ]
    )


def _kl(dialogues: Dialogues) -> Ratio:
    """Mean over all tokens of the turns where it was measured."""
    measured = [
        [(turn.kl, turn.tokens) for record in records for turn in record.turns if turn.kl is not None]
        for records in dialogues
    ]
    return Ratio(
        _floats([sum(kl for kl, _ in row) for row in measured]),
        _floats([sum(size for _, size in row) for row in measured]),
    )


def _information(dialogues: Dialogues, film: bool) -> Ratio:
    """Mean PMI over the replies that name a film, or over the others; opening replies have no context and no PMI."""
    measured = [
        [
            turn.pmi
            for record in records
            for turn in (record.turns if record.history else record.turns[1:])
            if turn.pmi is not None and bool(turn.films) == film
        ]
        for records in dialogues
    ]
    return _pooled(measured)


def _pooled(values: Sequence[Sequence[float]]) -> Ratio:
    """Mean over all values of all dialogues, given by dialogue."""
    return Ratio(_floats([sum(row) for row in values]), _floats([len(row) for row in values]))


def _mean_of(values: np.ndarray) -> Ratio:
    """Mean over the dialogues that have a value; NaN is none."""
    known = np.isfinite(values)
    return Ratio(np.where(known, values, 0.0), known.astype(np.float64))


def _floats(values: Sequence[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _sacrebleu(baseline: Dialogues, rl: Dialogues) -> SacrebleuScores | None:
    """Corpus BLEU of both systems; None unless both have gold cases."""
    cases = [
        [case for records in dialogues for record in records for case in record.gold] for dialogues in (baseline, rl)
    ]
    first, second = (
        text_figures.sacrebleu_score([case.reply for case in gold], [case.reference for case in gold]) for gold in cases
    )
    return None if first is None or second is None else SacrebleuScores(first[0], second[0], first[1])
