"""How weights of the parts carry over: fitted without one data set, held against people's ratings in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.evaluators.regression_figures import spearman_if_defined
from algorithms.people.fitting import measured, overall_rating
from algorithms.people.measured_parts import PARTS, PartReader
from algorithms.people.overall_fit import OverallFit, OverallRatings, fit_overall
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.film_table import FilmTable
from envs.ratings.parts import share_dialogues
from envs.ratings.record import RatingSet

PULLS = (0.1, 1.0, 10.0, 100.0)
"""The pulls towards equal weights that are compared."""
_JUDGED = ("overall", "relevance", "dialogue-overall", "satisfaction")
"""The ratings that weights are held against."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One rating of one set, and how it goes with what was learnt without the set.

    Attributes:
        name: of the set.
        rating: its name.
        n: rated records.
        by_pull: rank correlation of the weighted sum, by the pull; None where it is not defined.
        by_part: of each part alone.
    """

    name: str
    rating: str
    n: int
    by_pull: dict[float, float | None]
    by_part: dict[str, float | None]


def leave_one_out(sets: Sequence[RatingSet], films: FilmTable, emotions: EmotionReader) -> list[LeftOut]:
    """Fit the weights without each set in turn, and hold them against people's ratings in it.

    Args:
        sets: people's ratings; of one origin nothing is found.
        films: the films that texts name.
        emotions: reads the feelings of replies and seekers.

    Raises:
        ValueError: without one of the sets nothing is left to fit.
    """
    reader = PartReader(films, emotions)
    if all(share_dialogues(each.name, sets[0].name) for each in sets):
        return []
    records = {each.name: measured(each, reader) for each in sets if set(_JUDGED) & set(each.rating_names)}
    named = {each.name: rating for each in sets if (rating := overall_rating(each)) is not None}
    fitted = {name: records[name].rated(rating) for name, rating in named.items()}
    found = []
    for judged in sets:
        rest = [each for name, each in fitted.items() if each is not None and not share_dialogues(name, judged.name)]
        fits = {pull: fit_overall(rest, pull=pull, resamples=0) for pull in PULLS}
        for rating in (name for name in _JUDGED if name in judged.rating_names):
            held = records[judged.name].rated(rating)
            if held is not None:
                found.append(_left_out(judged.name, rating, held, fits))
    return found


def _left_out(name: str, rating: str, held: OverallRatings, fits: dict[float, OverallFit]) -> LeftOut:
    def rho(values: np.ndarray) -> float | None:
        return spearman_if_defined(held.ratings, values)

    by_pull = {pull: rho(fit.standardised(held.parts) @ fit.weights) for pull, fit in fits.items()}
    return LeftOut(
        name, rating, len(held.ratings), by_pull, {part: rho(held.parts[:, i]) for i, part in enumerate(PARTS)}
    )
