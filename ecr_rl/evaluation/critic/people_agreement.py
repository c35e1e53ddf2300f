"""How a critic's scores go with people's ratings, beside what costs nothing, the rubric, and the raters themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from algorithms.evaluators.head_figures import Bounds
from algorithms.readers.sentiment import compound
from ecr_rl.evaluation.bootstrap import Auc, Interval, Spearman, draw, interval, percentiles, whole
from ecr_rl.evaluation.critic.learnt_part import LearntPart
from ecr_rl.evaluation.critic.people_results import Agreement, PeopleRatings, RaterAgreement, RatingFigures
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.labels.judging.text_evidence import TextEvidence
from envs.heads import Exchange, RewardModel
from envs.progress import OnStep
from envs.ratings.parts import unseen
from envs.ratings.record import RatedDialogue, RatedReply, RatingSet

RESAMPLES = 1000
FEWEST, FEWEST_GROUPS = 20, 5
"""Records, and dialogues or posts, below which a figure says nothing."""
_BATCH = 512
"""Exchanges that are scored between two steps of the progress."""
_PRESENT = {"epitome"}
"""Sets whose ratings say how much of something is there: above 0 is high, whatever the median."""


@dataclass(frozen=True)
class _Record:
    """A rated reply, or a rated dialogue, with the indices of its exchanges."""

    rated: RatedReply | RatedDialogue
    exchanges: tuple[int, ...]


@dataclass(frozen=True)
class _Scores:
    """Of every exchange the scores by head, and what costs nothing; NaN where one is not known."""

    critic: Mapping[str, np.ndarray]
    rubric: Mapping[str, np.ndarray]
    words: np.ndarray
    sentiment: np.ndarray


def rate_against_people(
    critic: RewardModel,
    rubric: Judge | None,
    evidence: TextEvidence,
    sets: Sequence[RatingSet],
    learnt: LearntPart | None = None,
    seed: int = 0,
    on_step: OnStep = lambda done, total, figures: None,
) -> PeopleRatings:
    """Hold a critic's heads against every rating of every set.

    A reply's score is the head's; a whole dialogue's is the mean over the recommender's turns, its length the words of
    all of them. A record's rating is the mean over its raters.

    Args:
        critic: scores exchanges.
        rubric: the judge that made its labels; None for labels that were imported.
        evidence: finds the films that the rubric is told of.
        sets: the ratings.
        learnt: what the critic learnt from people; of those sets only the part that reports is judged on.
        seed: of the resamples.
        on_step: called with the progress, in exchanges.
    """
    kept = [_unseen(each, learnt) for each in sets]
    numbers: dict[Exchange, int] = {}
    parts = list(chain.from_iterable(_parts(each, numbers) for each in kept))
    scores = _scored(critic, rubric, evidence, list(numbers), on_step)
    return PeopleRatings(
        ratings=[
            _figures(name, over, rating, records, scores, seed)
            for name, over, records in parts
            for rating in dict.fromkeys(rating for record in records for rating in record.rated.ratings)
        ],
        skipped={each.name: each.skipped for each in sets if each.skipped},
        reporting=sorted(part.name for part, each in zip(kept, sets, strict=True) if part is not each),
        seed=seed,
    )


def _unseen(ratings: RatingSet, learnt: LearntPart | None) -> RatingSet:
    """The records that the critic may be judged on; the set itself if that is all of it."""
    if learnt is None or all(unseen(group, ratings.name, learnt.sets, learnt.seed) for group in ratings.groups):
        return ratings

    def judged(record: RatedReply | RatedDialogue) -> bool:
        return unseen(record.group, ratings.name, learnt.sets, learnt.seed)

    return RatingSet(
        ratings.name, tuple(filter(judged, ratings.replies)), tuple(filter(judged, ratings.dialogues)), ratings.skipped
    )


def _parts(ratings: RatingSet, numbers: dict[Exchange, int]) -> Iterator[tuple[str, str, list[_Record]]]:
    """The rated replies and the rated dialogues; every exchange gets its number."""
    for over, rated in (("replies", ratings.replies), ("dialogues", ratings.dialogues)):
        records = [
            _Record(each, tuple(numbers.setdefault(exchange, len(numbers)) for exchange in each.exchanges))
            for each in rated
            if each.exchanges
        ]
        if records:
            yield ratings.name, over, records


def _scored(
    critic: RewardModel, rubric: Judge | None, evidence: TextEvidence, exchanges: Sequence[Exchange], on_step: OnStep
) -> _Scores:
    heads: dict[str, list[np.ndarray]] = {}
    labels: dict[str, list[np.ndarray]] = {}
    on_step(0, len(exchanges), {})
    for first in range(0, len(exchanges), _BATCH):
        batch = exchanges[first : first + _BATCH]
        scores = critic.score(batch)
        for column, head in enumerate(scores.heads):
            heads.setdefault(head, []).append(scores.mean[:, column])
        if rubric is not None:
            judged = rubric.judge([evidence.of(exchange) for exchange in batch])
            for column, head in enumerate(judged.heads):
                labels.setdefault(head, []).append(judged.scores[:, column])
        on_step(min(first + _BATCH, len(exchanges)), len(exchanges), {})
    return _Scores(
        critic={head: np.concatenate(columns) for head, columns in heads.items()},
        rubric={head: np.concatenate(columns) for head, columns in labels.items()},
        words=np.array([len(exchange.reply.split()) for exchange in exchanges], dtype=np.float64),
        sentiment=np.array([compound(exchange.reply) for exchange in exchanges], dtype=np.float64),
    )


def _figures(
    name: str, over: str, rating: str, records: Sequence[_Record], scores: _Scores, seed: int
) -> RatingFigures:
    """The figures of one rating."""
    rated = [record for record in records if rating in record.rated.ratings]
    numbers = [record.rated.ratings[rating] for record in rated]
    people = _People(numbers, [record.rated.group for record in rated], seed, present=name in _PRESENT)

    def agreement(values: np.ndarray, *, total: bool = False) -> Agreement:
        rows = [values[list(record.exchanges)] for record in rated]
        return people.agreement(np.array([row.sum() if total else _mean(row) for row in rows]))

    return RatingFigures(
        data=name,
        over=over,
        rating=rating,
        n=len(rated),
        groups=people.size,
        heads={head: agreement(values) for head, values in scores.critic.items()},
        rubric={head: agreement(values) for head, values in scores.rubric.items() if head in scores.critic},
        length=agreement(scores.words, total=True),
        sentiment=agreement(scores.sentiment),
        raters=people.raters(),
    )


def _mean(values: np.ndarray) -> float:
    """The mean of the known values; NaN without any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


class _People:
    """What people said in one rating of N records, and the resamples of their groups."""

    def __init__(self, numbers: Sequence[tuple[float, ...]], groups: Sequence[str], seed: int, *, present: bool):
        names, self._groups = np.unique(np.array(groups, dtype=object).astype(str), return_inverse=True)
        self.size = len(names)
        self._numbers = numbers
        self._means = np.array([np.mean(given) for given in numbers], dtype=np.float64)
        self._high = self._means > (0.0 if present else np.median(self._means))
        self._counts_BN = draw(self.size, RESAMPLES, seed)

    def agreement(self, scores_N: np.ndarray) -> Agreement:
        """How N scores go with what people said; scores that are NaN are left out."""
        known = np.isfinite(scores_N)
        groups = self._groups[known]
        if not self._enough(groups):
            return Agreement(int(known.sum()), None, None, None, None)
        order = interval(Spearman(scores_N[known], self._means[known], groups, self.size), self._counts_BN)
        apart = interval(Auc(scores_N[known], self._high[known], groups, self.size), self._counts_BN)
        return Agreement(int(known.sum()), *_parts_of(order), *_parts_of(apart))

    def raters(self) -> RaterAgreement:
        """One rater against the mean of the others, the ceiling of any score.

            sum_j n_j rho(r_ij, mean over k != j of r_ik) / sum_j n_j

        The j-th rater of each record in turn, over the n_j records that have one and another rater; places with too few
        records, or where either side does not vary, are left out. Raters differ from record to record, so that a place
        is no person.
        """
        places: list[tuple[int, float, np.ndarray]] = []
        for place in range(max(map(len, self._numbers), default=0)):
            rows = [row for row, given in enumerate(self._numbers) if len(given) > max(place, 1)]
            groups = self._groups[rows]
            if not self._enough(groups):
                continue
            one = np.array([self._numbers[row][place] for row in rows])
            others = np.array([np.mean(np.delete(self._numbers[row], place)) for row in rows])
            statistic = Spearman(one, others, groups, self.size)
            if np.isfinite(rho := whole(statistic)):
                places.append((len(rows), rho, statistic.over(self._counts_BN)))
        if not places:
            return RaterAgreement(0, None, None)
        weights = np.array([count for count, _, _ in places], dtype=np.float64)
        weights /= weights.sum()
        rhos, resampled = np.array([rho for _, rho, _ in places]), np.stack([values_B for _, _, values_B in places])
        mean = percentiles(float(weights @ rhos), weights @ resampled)
        return RaterAgreement(len(places), *_parts_of(mean))

    def _enough(self, groups: np.ndarray) -> bool:
        return len(groups) >= FEWEST and len(np.unique(groups)) >= FEWEST_GROUPS


def _parts_of(figure: Interval | None) -> tuple[float | None, Bounds | None]:
    return (None, None) if figure is None else (figure.mean, (figure.low, figure.high))
