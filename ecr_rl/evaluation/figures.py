"""Baseline against RL: every figure of both systems with a paired bootstrap interval, in the report's JSON form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ecr_rl.evaluation import text_figures
from ecr_rl.evaluation.bootstrap import COVERAGE, Distinct, Interval, Ratio, Statistic, draw, paired
from ecr_rl.evaluation.definitions import FIGURES, MORE, Definition, part_definition
from ecr_rl.evaluation.records import ConversationRecord, TurnRecord
from envs.errors import DataError
from envs.heads import HEADS

Records = Sequence[ConversationRecord]
Statistics = Mapping[str, Statistic]


def compare(
    baseline: Iterable[ConversationRecord], rl: Iterable[ConversationRecord], *, resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Compare two systems on the same dialogues.

    Returns:
        ``systems``, ``difference`` (rl - baseline) and ``n`` in the report's form, a figure without data being None and
        named in ``missing``; ``more`` holds further figures in the same form; ``formulas`` and ``bootstrap`` say how
        all were computed. Every number is finite.

    Raises:
        DataError: no records, a dialogue twice, or two systems with different dialogues.
    """
    first, second = _matched(baseline, rl)
    counts_BN = draw(len(first), resamples, seed)
    main = _section(FIGURES, _main_statistics(first), _main_statistics(second), counts_BN)
    parts = sorted({name for record in (*first, *second) for turn in record.turns for name in turn.parts})
    further = (*MORE, *map(part_definition, parts))
    more = _section(further, _more_statistics(first, parts), _more_statistics(second, parts), counts_BN)
    return {
        "systems": main["systems"],
        "difference": main["difference"],
        "n": len(first),
        "missing": main["missing"],
        "more": more | {"sacrebleu": _sacrebleu(first, second)},
        "formulas": {definition.name: definition.formula for definition in (*FIGURES, *further)},
        "bootstrap": {
            "method": "percentile over dialogues, paired; DIST by each dialogue's jackknife influence",
            "coverage": COVERAGE,
            "resamples": resamples,
            "seed": seed,
        },
    }


def _matched(baseline: Iterable[ConversationRecord], rl: Iterable[ConversationRecord]) -> tuple[Records, Records]:
    """Both systems' records sorted by dialogue."""
    first, second = (sorted(records, key=lambda record: record.index) for records in (baseline, rl))
    for name, records in (("baseline", first), ("rl", second)):
        if not records:
            raise DataError(f"the {name} system has no records", remedy="Evaluate it on at least one dialogue")
        if len({record.index for record in records}) < len(records):
            raise DataError(f"a dialogue stands twice in the records of the {name} system", field="index")
    if [record.index for record in first] != [record.index for record in second]:
        raise DataError(
            "the two systems were evaluated on different dialogues",
            field="index",
            remedy="Evaluate both on the same ones: the comparison is paired by dialogue",
        )
    return first, second


def _section(
    definitions: Sequence[Definition], baseline: Statistics, rl: Statistics, counts_BN: np.ndarray
) -> dict[str, Any]:
    found = {figure.name: paired(baseline[figure.name], rl[figure.name], counts_BN) for figure in definitions}
    return {
        "systems": {
            "baseline": {name: _json(first) for name, (first, _, _) in found.items()},
            "rl": {name: _json(second) for name, (_, second, _) in found.items()},
        },
        "difference": {name: _json(difference) for name, (_, _, difference) in found.items()},
        "missing": [name for name, intervals in found.items() if None in intervals],
    }


def _json(value: Interval | None) -> dict[str, float] | None:
    return None if value is None else asdict(value)


def _main_statistics(records: Records) -> dict[str, Statistic]:
    bigrams = text_figures.count_grams([record.replies for record in records], 2)
    return {
        "reward": _dialogue_mean(records, lambda turn: turn.reward),
        "held_out_overall": _dialogue_mean(records, lambda turn: turn.held_out),
        **{head: _dialogue_mean(records, _head(head)) for head in HEADS},
        "bleu1": _gold_bleu(records, 1),
        "dist2": Distinct(bigrams.distinct, bigrams.alone, bigrams.totals),
        "length": _turn_mean(records, lambda turn: text_figures.word_count(turn.reply)),
        "repetition": _per_dialogue([text_figures.repetition(record.replies) for record in records]),
        "kl": _kl(records),
    }


def _more_statistics(records: Records, parts: Sequence[str]) -> dict[str, Statistic]:
    counts = {
        order: text_figures.count_grams([record.replies for record in records], order) for order in text_figures.ORDERS
    }
    return {
        **{f"bleu{order}": _gold_bleu(records, order) for order in text_figures.ORDERS[1:]},
        **{f"dist{order}_all": Distinct(found.distinct, found.alone, found.totals) for order, found in counts.items()},
        **{
            f"dist{order}_sentences": Distinct(found.distinct, found.alone, found.sentences)
            for order, found in counts.items()
        },
        "accepted": _per_dialogue([_accepted(record) for record in records]),
        "turns": _per_dialogue([len(record.turns) for record in records]),
        "tokens": _turn_mean(records, lambda turn: turn.tokens),
        "cut": _turn_mean(records, lambda turn: turn.cut),
        "stripped": _turn_mean(records, lambda turn: turn.stripped),
        **{f"part_{part}": _dialogue_mean(records, _part(part)) for part in parts},
    }


def _head(name: str) -> Callable[[TurnRecord], float | None]:
    return lambda turn: turn.heads.get(name)


def _part(name: str) -> Callable[[TurnRecord], float]:
    """A part that a turn does not name paid nothing there."""
    return lambda turn: turn.parts.get(name, 0.0)


def _accepted(record: ConversationRecord) -> float | None:
    return float(any(turn.accepted for turn in record.turns)) if record.turns else None


def _dialogue_mean(records: Records, value: Callable[[TurnRecord], float | None]) -> Ratio:
    """Mean over a dialogue's turns that have a value, then over dialogues."""
    found = [[value(turn) for turn in record.turns] for record in records]
    known = [[number for number in row if number is not None] for row in found]
    return _per_dialogue([sum(row) / len(row) if row else None for row in known])


def _turn_mean(records: Records, value: Callable[[TurnRecord], float]) -> Ratio:
    """Mean over all turns of all dialogues."""
    sums = [sum(value(turn) for turn in record.turns) for record in records]
    return Ratio(_floats(sums), _floats([len(record.turns) for record in records]))


def _gold_bleu(records: Records, order: int) -> Ratio:
    """Mean over all gold contexts of all dialogues."""
    sums = [sum(text_figures.bleu(case.reply, case.reference, order) for case in record.gold) for record in records]
    return Ratio(_floats(sums), _floats([len(record.gold) for record in records]))


def _kl(records: Records) -> Ratio:
    """Mean over all tokens of the turns where it was measured."""
    measured = [[(turn.kl, turn.tokens) for turn in record.turns if turn.kl is not None] for record in records]
    return Ratio(
        _floats([sum(kl for kl, _ in row) for row in measured]),
        _floats([sum(size for _, size in row) for row in measured]),
    )


def _per_dialogue(values: Sequence[float | None]) -> Ratio:
    """Mean over the dialogues that have a value."""
    return Ratio(
        _floats([0.0 if value is None else value for value in values]), _floats([value is not None for value in values])
    )


def _floats(values: Sequence[float]) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def _sacrebleu(baseline: Records, rl: Records) -> dict[str, Any] | None:
    """Corpus BLEU of both systems with its signature; None unless both have gold cases."""
    scores = [
        text_figures.sacrebleu_score(
            [case.reply for record in records for case in record.gold],
            [case.reference for record in records for case in record.gold],
        )
        for records in (baseline, rl)
    ]
    if scores[0] is None or scores[1] is None:
        return None
    return {"baseline": scores[0][0], "rl": scores[1][0], "signature": scores[0][1]}
