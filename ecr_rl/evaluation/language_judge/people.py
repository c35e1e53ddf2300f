"""Hold a judge's overall score of rated replies against what people said of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecr_rl.evaluation.bootstrap import Spearman, draw, interval
from ecr_rl.evaluation.language_judge.asking import Asker
from ecr_rl.evaluation.language_judge.bodies import reply_body
from ecr_rl.evaluation.language_judge.figures import HIGHEST
from ecr_rl.evaluation.language_judge.forms import OVERALL, expectation
from ecr_rl.evaluation.language_judge.result import PeopleFigures
from ecr_rl.labels.storage.merging import weighted_kappa
from envs.corpora.spread import evenly_spread
from envs.progress import OnStep
from envs.ratings.record import RatedReply, RatingSet


def people_figures(
    asker: Asker, sets: Sequence[RatingSet], count: int, resamples: int, seed: int, on_step: OnStep
) -> list[PeopleFigures]:
    """Let the judge score ``count`` evenly spread rated replies of each set.

    Args:
        asker: the judge.
        sets: people's ratings; a set without rated replies is passed over.
        count: replies of each set at most.
        resamples: of the intervals, over the dialogues or posts.
        seed: of the resamples.
        on_step: told of the replies of each set.
    """
    figures = []
    for one in sets:
        replies = [one.replies[index] for index in evenly_spread(len(one.replies), count)]
        bodies = [reply_body([(turn.role, turn.text) for turn in reply.context], reply.response) for reply in replies]
        answers = asker.ask([(OVERALL, body) for body in bodies], on_step)
        scored = [
            (reply, expectation(answer.chances[0]))
            for reply, answer in zip(replies, answers, strict=True)
            if answer is not None
        ]
        names = dict.fromkeys(name for reply, _ in scored for name in reply.ratings)
        figures += [_figures(one.name, name, scored, resamples, seed) for name in names]
    return figures


def _figures(
    data: str, rating: str, scored: Sequence[tuple[RatedReply, float]], resamples: int, seed: int
) -> PeopleFigures:
    rated = [(reply, score) for reply, score in scored if rating in reply.ratings]
    means = np.array([np.mean(reply.ratings[rating]) for reply, _ in rated])
    scores = np.array([score for _, score in rated])
    words = np.array([len(reply.response.split()) for reply, _ in rated], dtype=np.float64)
    groups, codes = np.unique([reply.group for reply, _ in rated], return_inverse=True)
    counts_BN = draw(len(groups), resamples, seed)
    given = [number for reply, _ in rated for number in reply.ratings[rating]]
    low, span = min(given), max(given) - min(given)
    return PeopleFigures(
        data=data,
        rating=rating,
        n=len(rated),
        groups=len(groups),
        spearman=interval(Spearman(scores, means, codes, len(groups)), counts_BN),
        kappa=None if span == 0 else weighted_kappa(scores / HIGHEST, (means - low) / span),
        length=interval(Spearman(words, means, codes, len(groups)), counts_BN),
    )
