"""People's ratings as the evaluator of people learns them: records with one standardised rating, set by set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from envs.heads import Exchange
from envs.ratings.parts import Keep
from envs.ratings.record import RatingSet

HEADS = {"overall": ("overall", "relevance", "satisfaction", "dialogue-overall"), "empathy": ("reactions",)}
"""The heads of the evaluator of people, each with the ratings that it learns."""
ONLY_ASKS = frozenset({"ccpe"})
"""Sets whose assistant asks for tastes and never recommends: what makes a good turn there is another thing."""


@dataclass(frozen=True)
class RatedRecords:
    """The N records of one set that are rated in what a head learns.

    Attributes:
        name: of the set.
        exchanges: of each record its exchanges: one of a reply, the recommender's turns of a dialogue.
        target: (N,) what people said: the mean over raters, standardised within the set; of several ratings their mean,
            standardised again.
        groups: (N,) the dialogue or post of each, by name.
        people: by rating the mean over raters, (N,), in the data's own scale; NaN where it was not rated.
    """

    name: str
    exchanges: list[tuple[Exchange, ...]]
    target: np.ndarray
    groups: list[str]
    people: dict[str, np.ndarray]


def rated_records(sets: Sequence[RatingSet], head: str, keep: Keep) -> list[RatedRecords]:
    """The records of each set that hold ratings of a head; of ``ONLY_ASKS``, and where ratings do not vary, none."""
    found = (_records(ratings, head, keep) for ratings in sets)
    return [records for records in found if records is not None]


def _records(ratings: RatingSet, head: str, keep: Keep) -> RatedRecords | None:
    names = [name for name in HEADS[head] if name in ratings.rating_names and ratings.name not in ONLY_ASKS]
    kept = [
        record
        for record in ratings.records
        if record.exchanges and any(name in record.ratings for name in names) and keep(record.group, ratings.name)
    ]
    if len(kept) < 2:
        return None
    people = {
        name: np.array([np.mean(record.ratings[name]) if name in record.ratings else np.nan for record in kept])
        for name in names
    }
    columns = [_standardised(values) for values in people.values() if np.nanstd(values) > 0]
    if not columns:
        return None
    target = np.array([np.nanmean(row) if np.isfinite(row).any() else np.nan for row in np.column_stack(columns)])
    known = np.flatnonzero(np.isfinite(target))
    if target[known].std() == 0:
        return None
    return RatedRecords(
        ratings.name,
        [kept[row].exchanges for row in known],
        _standardised(target[known]),
        [kept[row].group for row in known],
        {name: values[known] for name, values in people.items()},
    )


def by_record(turns: np.ndarray, exchanges: Sequence[Sequence[Exchange]]) -> list[np.ndarray]:
    """Numbers of every exchange (M, F), in the order of N records, as N arrays: of each record its exchanges' rows."""
    return np.split(turns, np.cumsum([len(own) for own in exchanges])[:-1]) if exchanges else []


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - np.nanmean(values)) / np.nanstd(values)
