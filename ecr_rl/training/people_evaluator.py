"""The stages of the two evaluators of people: fitted to their part of the ratings, or the shipped one of that part."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.packaged_models import MINILM
from algorithms.people.evaluator import PeopleEvaluator, shipped_folder
from algorithms.people.evaluator_fit import Design, LinearFit, design_of, fit_linear
from algorithms.people.rated_records import HEADS, RatedRecords, rated_records
from algorithms.people.reply_features import ReplyFeatures
from algorithms.readers.sentence_sources import load_sentences
from algorithms.readers.sentences import SentenceEncoder
from ecr_rl.evaluation.bootstrap import Spearman, draw, interval
from envs.errors import DataError
from envs.progress import OnStep
from envs.ratings.parts import Part, only, share_dialogues
from envs.ratings.record import RatingSet

FEWEST = 30
"""The fewest rated records that a head is fitted to."""
SOURCES = {
    "ab-redial": "AB-ReDial (Siro et al., SIGIR 2022), MIT",
    "ab-redial-dialogues": "AB-ReDial (Siro et al., SIGIR 2022), MIT",
    "crs-que": "CRS-Que ratings of reliable-crs-eval (Mueller et al., UMAP 2026)",
    "ccpe": "USS, part CCPE (Sun et al., SIGIR 2021)",
    "epitome": "EPITOME (Sharma et al., EMNLP 2020)",
}
"""The origin of each known set, for cards."""
_RESAMPLES = 1000


def build_people_evaluator(
    sets: Sequence[RatingSet], part: Part, seed: int, folder: Path, on_step: OnStep
) -> dict[str, Any]:
    """Fit an evaluator of people to one part of ratings; without any, copy the one that comes with the project.

    Args:
        sets: people's ratings; empty: the shipped evaluator.
        part: which dialogues and posts it learns from.
        seed: of the division into parts.
        folder: gets the evaluator.
        on_step: told of step 0 of 1 and of step 1.

    Returns:
        What the card says of what it learnt from.

    Raises:
        DataError: too few ratings.
        ModelError: ratings are there, and the packaged MiniLM is not installed.
    """
    on_step(0, 1, {})
    if sets:
        evaluator = fit_people_evaluator(sets, part, seed, load_sentences(MINILM))
        evaluator.save(folder)
        facts = evaluator.facts
    else:
        for file in shipped_folder(part).iterdir():
            shutil.copyfile(file, folder / file.name)
        facts = {"shipped": str(part)}
    on_step(1, 1, {})
    return dict(facts)


def fit_people_evaluator(sets: Sequence[RatingSet], part: Part, seed: int, encoder: SentenceEncoder) -> PeopleEvaluator:
    """Fit an evaluator of people.

    Its card tells the sets with n, and for each rating of each set the rank correlation with predictions for dialogues
    or posts left out (``cross_validated``), and with those of a fit to the other sets alone (``leave_one_out``).

    Args:
        sets: people's ratings.
        part: which dialogues and posts it learns from.
        seed: of the division into parts.
        encoder: gives the texts' vectors.

    Raises:
        DataError: fewer than ``FEWEST`` records of the part are rated in what ``overall`` learns.
    """
    reader = ReplyFeatures(encoder)
    kept = {head: rated_records(sets, head, only(part, seed)) for head in HEADS}
    designs = {head: [design_of(each, reader, seed) for each in records] for head, records in kept.items()}
    counts = {head: sum(len(each.folds) for each in found) for head, found in designs.items()}
    if counts["overall"] < FEWEST:
        raise DataError(
            f"the part {part} of people's ratings holds {counts['overall']} records of {', '.join(HEADS['overall'])}, "
            f"and an evaluator needs {FEWEST}",
            remedy="Name more ratings in people.ratings, or none: then the evaluators that come with the project serve",
        )
    heads = [head for head in HEADS if counts[head] >= FEWEST]
    fits = {head: fit_linear(designs[head]) for head in heads}
    facts = {
        "part": part,
        "seed": seed,
        "sets": _sets(designs),
        "ratings": {head: list(HEADS[head]) for head in heads},
        "penalty": {head: fit.penalty for head, fit in fits.items()},
        "cross_validated": {head: _cross_validated(fits[head], designs[head], seed) for head in heads},
        "leave_one_out": {head: _leave_one_out(designs[head], seed) for head in heads},
    }
    levels = np.array([[fit.level for fit in fits.values()], [fit.spread for fit in fits.values()]])
    weights = np.column_stack([fit.weights for fit in fits.values()])
    return PeopleEvaluator(encoder, heads, weights, levels, facts)


def _sets(designs: Mapping[str, Sequence[Design]]) -> dict[str, Any]:
    """By set its origin, and the records and the dialogues or posts that each head learnt from."""
    sets: dict[str, Any] = {}
    for head, found in designs.items():
        for each in found:
            name = each.records.name
            entry = sets.setdefault(name, {"source": SOURCES.get(name, "named in people.ratings")})
            entry[head] = {"records": len(each.folds), "groups": len(set(each.records.groups))}
    return sets


def _cross_validated(fit: LinearFit, designs: Sequence[Design], seed: int) -> dict[str, Any]:
    """By set and rating the agreement of predictions without the record's fold."""
    pairs = zip(designs, fit.cross_predicted, strict=True)
    return {each.records.name: agreement(each.records, predicted, seed) for each, predicted in pairs}


def _leave_one_out(designs: Sequence[Design], seed: int) -> dict[str, Any]:
    """By set and rating the agreement on the part's records of a fit to the sets of other dialogues."""
    figures: dict[str, Any] = {}
    for left_out in designs:
        others = [each for each in designs if not share_dialogues(each.records.name, left_out.records.name)]
        if others:
            predicted = left_out.features @ fit_linear(others).weights
            figures[left_out.records.name] = agreement(left_out.records, predicted, seed)
    return figures


def agreement(records: RatedRecords, predicted: np.ndarray, seed: int) -> dict[str, Any]:
    """How predictions go with people's mean ratings, rating by rating.

    Args:
        records: N records of one set.
        predicted: (N,) by a fit that did not learn from them.
        seed: of the resamples over dialogues or posts.

    Returns:
        By rating ``{"rho", "low", "high", "n"}``: Spearman's correlation with its 95 % interval, and the records; None
        where it is not defined.
    """
    names, groups = np.unique(records.groups, return_inverse=True)
    counts_BN = draw(len(names), _RESAMPLES, seed)
    figures: dict[str, Any] = {}
    for rating, values in records.people.items():
        known = np.flatnonzero(np.isfinite(values))
        found = interval(Spearman(predicted[known], values[known], groups[known], len(names)), counts_BN)
        if found is None:
            figures[rating] = None
            continue
        rho, low, high = (round(value, 3) for value in (found.mean, found.low, found.high))
        figures[rating] = {"rho": rho, "low": low, "high": high, "n": len(known)}
    return figures
