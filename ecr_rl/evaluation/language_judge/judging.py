"""Let a language model judge a run's recorded conversations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ecr_rl.evaluation.bootstrap import draw
from ecr_rl.evaluation.conversations.records import ConversationRecord, read_records
from ecr_rl.evaluation.language_judge.asking import Asker
from ecr_rl.evaluation.language_judge.bodies import going_on, opening_of, pair_body, reply_body
from ecr_rl.evaluation.language_judge.figures import Orders, axes_figures, beside, preference_figures
from ecr_rl.evaluation.language_judge.forms import AXES, OVERALL, PREFERENCE, Form, expectation
from ecr_rl.evaluation.language_judge.models import JudgeAnswer
from ecr_rl.evaluation.language_judge.people import people_figures
from ecr_rl.evaluation.language_judge.result import FOLDER, Judgement, Verdict, current, records_hash, records_of
from envs.corpora.spread import evenly_spread
from envs.errors import DataError, ModelError
from envs.files import write_json
from envs.progress import OnStep
from envs.ratings.record import RatingSet

Pair = tuple[ConversationRecord, ConversationRecord]
SCORED = (*AXES.keys, *OVERALL.keys)
"""What a reply is scored on, the overall score last."""


@dataclass(frozen=True)
class Judged:
    """What is judged.

    Attributes:
        run: the run's folder.
        against: a folder below ``RUN/against``; None for ``RUN/evaluation``.
        dialogues: how many at most, spread evenly.
        axes: whether replies are rated on the axes, too.
        people: sets of people's ratings.
        turns: rated replies of each set at most, spread evenly.
        resamples: of the intervals.
        seed: of the resamples.
        prices: of a million tokens of questions and of answers; None if nobody pays.
    """

    run: Path
    against: str | None
    dialogues: int
    axes: bool
    people: Sequence[RatingSet] = field(repr=False)
    turns: int
    resamples: int
    seed: int
    prices: tuple[float, float] | tuple[None, None]


def judge_run(judged: Judged, asker: Asker, on_step: OnStep) -> Judgement:
    """Ask the judge, and write ``RUN/judge/NAME.json``.

    Of each dialogue one conversation of each system is judged, the first that both played. The preference is asked in
    both orders; conversations of the same words are a tie, and nobody is asked.

    Raises:
        DataError: there are no records, or no conversation of both systems.
        ModelError: the judge cannot be asked, or gave no answer at all.
    """
    pairs = _pairs(judged)
    pairs = [pairs[index] for index in evenly_spread(len(pairs), judged.dialogues)]
    counts_BN = draw(len(pairs), judged.resamples, judged.seed)
    orders = _orders(asker, pairs, on_step)
    scores = _scores(asker, pairs, on_step) if judged.axes else np.full((2, len(pairs), len(SCORED)), np.nan)
    people = people_figures(asker, judged.people, judged.turns, judged.resamples, judged.seed, on_step)
    if not asker.asked.read:
        reason = next(iter(asker.asked.problems), "there was nothing to ask")
        raise ModelError(f"the judge {asker.model.name} gave no answer that can be read: {reason}")
    name = _slug(asker.model.name) + (f"-against-{judged.against}" if judged.against else "")
    verdicts = [
        _verdict(pair, order, scores[:, row, -1]) for row, (pair, order) in enumerate(zip(pairs, orders, strict=True))
    ]
    others = [each for each in current(judged.run, judged.against) if each.name != name]
    judgement = Judgement(
        name=name,
        model=asker.model.name,
        version=asker.model.version,
        prompts={form.name: form.version for form in (AXES, OVERALL, PREFERENCE)},
        against=judged.against,
        records=records_hash(judged.run, judged.against),
        dialogues=len(pairs),
        axes=axes_figures(SCORED, scores[0].tolist(), scores[1].tolist(), counts_BN),
        preference=preference_figures(verdicts, sum(order.same for order in orders), counts_BN),
        verdicts=verdicts,
        people=people,
        beside=[beside(verdicts, other, counts_BN) for other in others],
        usage=asker.asked.usage(*judged.prices),
        failures=dict(asker.asked.problems),
        seed=judged.seed,
    )
    write_json(judged.run / FOLDER / f"{name}.json", judgement.to_json())
    return judgement


def _pairs(judged: Judged) -> list[Pair]:
    """Of each dialogue the first conversation in which both systems spoke, the baseline's before rl's."""
    files = records_of(judged.run, judged.against)
    baseline, rl = ({record.key: record for record in read_records(files[system])} for system in ("baseline", "rl"))
    found: dict[int, Pair] = {}
    for key in sorted(baseline.keys() & rl.keys()):
        if baseline[key].turns and rl[key].turns:
            found.setdefault(key[0], (baseline[key], rl[key]))
    if not found:
        raise DataError("no conversation of both systems to judge", file=files["rl"], remedy="Evaluate the run again.")
    return list(found.values())


def _orders(asker: Asker, pairs: Sequence[Pair], on_step: OnStep) -> list[Orders]:
    said = [(opening_of(rl), going_on(rl), going_on(baseline)) for baseline, rl in pairs]
    asked = [place for place, (_, mine, theirs) in enumerate(said) if mine != theirs]
    questions = []
    for place in asked:
        opening, mine, theirs = said[place]
        questions += [(PREFERENCE, pair_body(opening, mine, theirs)), (PREFERENCE, pair_body(opening, theirs, mine))]
    answers = iter(asker.ask(questions, on_step))
    differing = set(asked)
    return [
        Orders(next(answers), next(answers)) if place in differing else Orders(None, None, same=True)
        for place in range(len(pairs))
    ]


def _scores(asker: Asker, pairs: Sequence[Pair], on_step: OnStep) -> np.ndarray:
    """Of baseline and rl the scores of the first reply on ``SCORED``: (2, N, scores); NaN without an answer."""
    bodies = [reply_body(opening_of(record), record.turns[0].reply) for pair in pairs for record in pair]
    answers = asker.ask([(form, body) for body in bodies for form in (AXES, OVERALL)], on_step)
    rows = [
        [*_expectations(AXES, axes), *_expectations(OVERALL, overall)]
        for axes, overall in zip(answers[::2], answers[1::2], strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(pairs), 2, len(SCORED)).transpose(1, 0, 2)


def _expectations(form: Form, answer: JudgeAnswer | None) -> list[float]:
    if answer is None:
        return [float("nan")] * len(form.keys)
    return [expectation(chances) for chances in answer.chances]


def _verdict(pair: Pair, orders: Orders, overall: np.ndarray) -> Verdict:
    first, second = orders.said
    baseline, rl = (float(score) if np.isfinite(score) else None for score in overall)
    return Verdict(pair[0].index, first, second, orders.outcome, orders.points, baseline, rl)


def _slug(model: str) -> str:
    """A model's name as a file's: the last part of a path or hub id."""
    return re.sub(r"[^\w.-]+", "-", model.rstrip("/").rsplit("/", 1)[-1]).strip("-.") or "judge"
