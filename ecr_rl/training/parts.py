"""The stages of two small parts: the reporting evaluator and the film recommender."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from algorithms.recommender.cross_fitted import FITS, HALVES, TRAIN, halves
from algorithms.recommender.training import fit_recommender
from algorithms.settings.recommender import RecommenderSettings
from ecr_rl.labels.judging.judge_protocol import Judge
from ecr_rl.training.head_evaluator import TrainExamples, fit_evaluator
from envs.corpora.corpus import Corpus
from envs.dialogue import Dialogue
from envs.files import write_json
from envs.progress import OnStep, share_of

log = logging.getLogger(__name__)

REPORTING_EXAMPLES = 12_000
"""The most examples that the reporting evaluator learns from."""
_REPORTING = TrainExamples(first=1, most=REPORTING_EXAMPLES, seed=1)


def build_reporting_evaluator(corpus: Corpus, judge: Judge, name: str, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the reporting evaluator, on train dialogues that neither critic nor selecting evaluator learn from.

    ``name`` is one of ``EVALUATORS``.

    Returns:
        ``{"heads": {head: {"r2", "r2_length", "spearman", "mae"}}, "n", "examples"}``, on the validation split.
    """
    judged = tuple(head.name for head in judge.heads if head.judged)
    heads, sizes = fit_evaluator(name, judged, _REPORTING, corpus, judge, folder, on_step)
    figures = {"heads": heads, **sizes}
    write_json(folder / "metrics.json", figures)
    on_step(2, 2, {f"r2_{head}": r2 for head in judged if (r2 := heads[head]["r2"]) is not None})
    return figures


def recommender_dialogues(corpus: Corpus, settings: RecommenderSettings) -> tuple[Dialogue, ...]:
    """The dialogues of a corpus that a recommender with these settings learns from."""
    return (*corpus.train, *corpus.valid) if settings.refit else corpus.train


def build_recommender(corpus: Corpus, settings: RecommenderSettings, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the film recommender on the train dialogues; with the setting ``refit`` also on the validation dialogues.

    Returns:
        ``films``, ``films_with_genres``, ``dialogues``: sizes of the training data; ``emotions``: the emotion reader.

    Raises:
        DataError: no dialogue names a film, or the emotions' data cannot be read.
    """
    on_step(0, 1, {})
    dialogues = recommender_dialogues(corpus, settings)
    fit_recommender(dialogues, corpus.catalog, settings, on_step).save(folder)
    genres = sum(bool(film.genres) for film in corpus.catalog)
    if not genres:
        log.info("no film has genres: films are told by titles, years and dialogues alone (data.metadata gives more)")
    sizes = {"films": len(corpus.catalog), "films_with_genres": genres, "dialogues": len(dialogues)}
    figures = {**sizes, "emotions": settings.emotions}
    write_json(folder / "metrics.json", figures)
    return figures


def build_cross_fitted(corpus: Corpus, settings: RecommenderSettings, folder: Path, on_step: OnStep) -> dict[str, Any]:
    """Train the film recommender, and those that propose on its own dialogues (``CrossFittedRecommender``).

    Args:
        corpus: dialogues and films.
        settings: of all of them.
        folder: where they go.
        on_step: called with the progress, in dialogues of all recommenders.

    Returns:
        The figures of ``build_recommender``, and ``fits``: the dialogues of each of the others, by name.

    Raises:
        DataError: no dialogue of train, or of one half of it, names a film, or the emotions' data cannot be read.
    """
    fits = dict(zip(HALVES, halves(corpus.train), strict=True))
    if settings.refit:
        fits = {TRAIN: corpus.train, **fits}
    done = len(recommender_dialogues(corpus, settings))
    total = done + sum(map(len, fits.values()))
    figures = build_recommender(corpus, settings, folder, share_of(on_step, 0, done, total))
    for name, dialogues in fits.items():
        step = share_of(on_step, done, len(dialogues), total)
        fit_recommender(dialogues, corpus.catalog, settings, step).save(folder / FITS / name)
        done += len(dialogues)
    figures |= {"fits": {name: len(dialogues) for name, dialogues in fits.items()}}
    write_json(folder / "metrics.json", figures)
    return figures
