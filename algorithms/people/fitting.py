"""Fit a model of people's ratings to data sets of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algorithms.people.measured_parts import PartReader
from algorithms.people.model import PeopleModel
from algorithms.people.overall_fit import OverallFit, OverallRatings, fit_overall
from algorithms.people.rated_records import ONLY_ASKS, record_means
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.film_table import FilmTable
from algorithms.readers.text_classifier import TextClassifier
from envs.errors import DataError
from envs.ratings.parts import Keep
from envs.ratings.record import RatingSet

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
    fitted = [each for kept in sets if (each := overall_ratings(kept, reader, keep)) is not None]
    try:
        return fit_overall(fitted, seed)
    except ValueError as error:
        names = ", ".join(each.name for each in sets) or "none"
        raise DataError(
            f"people's ratings hold too few overall ratings to learn from ({names}): {error}",
            remedy=f"Add replies or dialogues rated for {' or '.join(OVERALL)} to people.ratings, or leave it empty.",
        ) from error


def overall_ratings(kept: RatingSet, reader: PartReader, keep: Keep) -> OverallRatings | None:
    """The measured parts and overall ratings of a set's groups that are kept; None where it has none to fit to."""
    rating = next((name for name in OVERALL if name in kept.rating_names), None)
    return None if rating is None or kept.name in ONLY_ASKS else ratings_of(kept, reader, rating, keep)


def ratings_of(
    kept: RatingSet, reader: PartReader, rating: str, keep: Keep = lambda group, name: True
) -> OverallRatings | None:
    """The measured parts of a set's records that are kept, with people's mean of one rating; None where there are none.

    Ratings are scaled to [0, 1] by the lowest and the highest that a rater gave.
    """
    records = [
        each for each in kept.records if rating in each.ratings and each.exchanges and keep(each.group, kept.name)
    ]
    if not records:
        return None
    exchanges = [each.exchanges for each in records]
    turns = reader.measure([exchange for own in exchanges for exchange in own])
    raters = [each.ratings[rating] for each in records]
    low, high = min(map(min, raters)), max(map(max, raters))
    ratings = (np.array([np.mean(each) for each in raters]) - low) / max(high - low, 1e-9)
    groups = np.unique([each.group for each in records], return_inverse=True)[1]
    return OverallRatings(kept.name, record_means(turns, exchanges), ratings, groups, turns)


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
