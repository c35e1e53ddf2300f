"""Fit a model of people's ratings to data sets of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.people.measured_parts import PartReader
from algorithms.people.model import PeopleModel
from algorithms.people.overall_fit import OverallFit, OverallRatings, fit_overall
from algorithms.people.rated_records import ONLY_ASKS, by_record
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.film_table import FilmTable
from algorithms.readers.text_classifier import TextClassifier
from envs.errors import DataError
from envs.ratings.parts import Keep
from envs.ratings.record import RatedDialogue, RatedReply, RatingSet

OVERALL = ("overall", "dialogue-overall", "satisfaction")
"""The ratings that ``overall`` is fitted to; of a set with several, the first."""
REACTIONS = "reactions"
"""The rating that tells whether people see an emotional reaction: 0 for none."""
_LEAST = 50
"""The fewest replies rated for reactions that a classifier is fitted to."""


def fit_people_model(
    sets: Sequence[RatingSet], films: FilmTable, emotions: EmotionReader, keep: Keep, seed: int = 0
) -> PeopleModel:
    """Fit ``overall`` and, where replies are rated for it, the reader of emotional reactions.

    Args:
        sets: people's ratings.
        films: the films that texts name.
        emotions: reads the feelings of replies and seekers.
        keep: which groups are learnt from.
        seed: of bootstrap and classifier.

    Raises:
        DataError: too few overall ratings.
    """
    overall = fit_overall_head(sets, films, emotions, keep, seed)
    return PeopleModel(overall, emotions, _reactions(sets, films, keep, seed))


def fit_overall_head(
    sets: Sequence[RatingSet], films: FilmTable, emotions: EmotionReader, keep: Keep, seed: int = 0
) -> OverallFit:
    """Fit ``overall`` alone; arguments and errors are those of ``fit_people_model``."""
    reader = PartReader(films, emotions)
    named = [(kept, rating) for kept in sets if (rating := overall_rating(kept)) is not None]
    fitted = [measured(kept, reader, keep).rated(rating) for kept, rating in named]
    try:
        return fit_overall([each for each in fitted if each is not None], seed)
    except ValueError as error:
        names = ", ".join(each.name for each in sets) or "none"
        raise DataError(
            f"people's ratings hold too few overall ratings to learn from ({names}): {error}",
            remedy=f"Add replies or dialogues rated for {' or '.join(OVERALL)} to people.ratings, or leave it empty.",
        ) from error


def overall_rating(kept: RatingSet) -> str | None:
    """The rating of a set that ``overall`` is fitted to; None where it has none."""
    return None if kept.name in ONLY_ASKS else next((name for name in OVERALL if name in kept.rating_names), None)


@dataclass(frozen=True)
class MeasuredRecords:
    """The measured records of a set.

    Attributes:
        name: of the set.
        records: N replies or dialogues, each with an exchange at least.
        turns: of each record the parts of its exchanges, (exchanges, parts).
    """

    name: str
    records: Sequence[RatedReply | RatedDialogue]
    turns: Sequence[np.ndarray]

    def rated(self, rating: str) -> OverallRatings | None:
        """The records with this rating, with people's mean of it; None where there are none.

        Ratings are scaled to [0, 1] by the lowest and the highest that a rater gave.
        """
        rows = [row for row, each in enumerate(self.records) if rating in each.ratings]
        if not rows:
            return None
        raters = [self.records[row].ratings[rating] for row in rows]
        low, high = min(map(min, raters)), max(map(max, raters))
        ratings = (np.array([np.mean(each) for each in raters]) - low) / max(high - low, 1e-9)
        groups = np.unique([self.records[row].group for row in rows], return_inverse=True)[1]
        turns = [self.turns[row] for row in rows]
        return OverallRatings(
            self.name, np.stack([each.mean(0) for each in turns]), ratings, groups, np.concatenate(turns)
        )


def measured(kept: RatingSet, reader: PartReader, keep: Keep = lambda group, name: True) -> MeasuredRecords:
    """Measure the parts of a set's records that are kept."""
    records = [each for each in kept.records if each.exchanges and keep(each.group, kept.name)]
    exchanges = [each.exchanges for each in records]
    turns = reader.measure([exchange for own in exchanges for exchange in own])
    return MeasuredRecords(kept.name, records, by_record(turns, exchanges))


def _reactions(sets: Sequence[RatingSet], films: FilmTable, keep: Keep, seed: int) -> TextClassifier | None:
    rated = [
        (films.without_titles(each.response), float(np.mean(each.ratings[REACTIONS])) > 0)
        for kept in sets
        for each in kept.replies
        if REACTIONS in each.ratings and keep(each.group, kept.name)
    ]
    if len(rated) < _LEAST:
        return None
    targets = np.array([[seen] for _, seen in rated])
    return TextClassifier.fit([text for text, _ in rated], targets, (REACTIONS,), seed=seed)
