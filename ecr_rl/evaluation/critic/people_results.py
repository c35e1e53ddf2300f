"""What ``people_agreement`` found, in the form that it has in ``evaluation.json`` and ``people.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from algorithms.evaluators.head_figures import Bounds


@dataclass(frozen=True, slots=True)
class Agreement:
    """How scores go with people's mean rating; None where too few records or no variation define it.

    Attributes:
        n: records with a score.
        spearman: rank correlation.
        spearman_interval: 95 % of the bootstrap over dialogues or posts.
        auc: the chance that a record that people rate high scores above one that they do not, ties half.
        auc_interval: 95 % of the same bootstrap.
    """

    n: int
    spearman: float | None
    spearman_interval: Bounds | None
    auc: float | None
    auc_interval: Bounds | None


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """One rater against the mean of the others; None where most records have one rater.

    Attributes:
        places: raters of a record that were taken in turn.
        spearman: mean rank correlation, weighted by records.
        spearman_interval: 95 % of the bootstrap over dialogues or posts.
    """

    places: int
    spearman: float | None
    spearman_interval: Bounds | None


@dataclass(frozen=True, slots=True)
class RatingFigures:
    """One rating of one set.

    Attributes:
        data: the set's name.
        over: ``replies`` or ``dialogues``.
        rating: its name.
        n: rated records.
        groups: dialogues or posts that they are of.
        heads: of the critic's scores.
        rubric: of the rubric's, by head; empty for a critic without a rubric.
        length: of the reply's words.
        sentiment: of VADER's compound score.
        raters: the ceiling.
    """

    data: str
    over: str
    rating: str
    n: int
    groups: int
    heads: dict[str, Agreement]
    rubric: dict[str, Agreement]
    length: Agreement
    sentiment: Agreement
    raters: RaterAgreement


@dataclass(frozen=True, slots=True)
class PeopleRatings:
    """A critic beside people's ratings.

    Attributes:
        ratings: the figures of each rating.
        skipped: by set, rated dialogues whose turns are not in the corpus.
        reporting: sets that the critic learnt from, so that it is judged on a part of them.
        seed: of the resamples.
    """

    ratings: list[RatingFigures]
    skipped: dict[str, int]
    reporting: list[str]
    seed: int

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)
