"""Evaluate a film recommender on the cases of a split: rankings, figures with intervals, a file of predictions.

The recommender is given each case's context and nothing else. ``full``: every film may be ranked. ``dedup`` and
``masked``: films that stand in the context as ``@id`` are left out of the ranking; none of them is a target there.
An AUC compares mentions of different cases: by the recommender's liking (log-odds that the seeker likes the film)
where it has one; else, and for ``auc_ranking`` always, by the log-softmax of the case's scores over the whole catalogue
(named films too), whatever the protocol.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from algorithms.recommender.baselines import LastFilms, NearestDialogues, Popularity
from algorithms.recommender.cooccurrence import Cooccurrence
from algorithms.recommender.cross_fitted import train_recommender
from algorithms.recommender.recommender import Recommender
from algorithms.recommender.scorer import FilmScorer, LikingScorer, log_shares, ranked
from ecr_rl.evaluation.bootstrap import Interval, Statistic, draw, interval
from ecr_rl.evaluation.recommender.recommendation_figures import (
    TOP,
    BatchedInterval,
    MeanAuc,
    Recommendations,
    dialogue_statistics,
    ranking_statistics,
    ranks_of,
)
from ecr_rl.training.parts import recommender_dialogues
from envs.catalog import Catalog
from envs.corpora.cases import Protocol, RecommendationCase, cases
from envs.corpora.corpus import Corpus
from envs.dialogue import Dialogue, named_films
from envs.errors import DataError, ModelError
from envs.files import write_text
from envs.json_record import JsonRecord
from envs.progress import OnStep

BATCH = 256
"""Cases in one batch; their scores for ReDial's films take 7 MB."""
RESAMPLES, SEED = 1000, 0

OWN = "recommender"
"""The judged recommender among the rows."""

Figures = dict[str, BatchedInterval | Interval | None]
"""Figures by name; None where one is not defined. An AUC inside batches says how many of them have none."""
Split = Literal["valid", "test"]


@dataclass(frozen=True, slots=True)
class RecommenderEvaluation(JsonRecord):
    """A recommender's figures on the cases of a split.

    Attributes:
        recommender: its name.
        corpus: where the dialogues come from.
        protocol: of the cases.
        split: of the corpus.
        cases: how many.
        mentions: ground-truth mentions of the cases.
        figures: the recommender's.
        rows: the baselines', by name; empty where none were judged.
    """

    recommender: str
    corpus: str
    protocol: Protocol
    split: Split
    cases: int
    mentions: int
    figures: Figures
    rows: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class PredictedCase(JsonRecord):
    """One line of a file of predictions.

    Attributes:
        conversation: the dialogue's index in the corpus's file.
        message: 0-based, raw.
        targets: films that are to be found.
        top: the recommender's films, best first.
    """

    conversation: int
    message: int
    targets: list[int]
    top: list[int]


@dataclass(frozen=True)
class Predictions:
    """Of each case the ``TOP`` films, best first; of each target, in order, its log-share and its liking, both (M,)."""

    cases: tuple[RecommendationCase, ...]
    top: list[list[int]]
    scores: np.ndarray
    liking: np.ndarray


def split_cases(dialogues: Sequence[Dialogue], protocol: Protocol) -> tuple[RecommendationCase, ...]:
    """The cases of some dialogues, in file order.

    Raises:
        DataError: there is none.
    """
    result = tuple(case for dialogue in dialogues for case in cases(dialogue, protocol))
    if not result:
        raise DataError(f"no case of the protocol {protocol} in {len(dialogues)} dialogues", remedy="Use more of them.")
    return result


def predict(
    scorer: FilmScorer,
    judged: Sequence[RecommendationCase],
    protocol: Protocol,
    on_step: OnStep = lambda done, total, figures: None,
) -> Predictions:
    """Rank the catalogue for every case, from its context alone.

    Args:
        scorer: the recommender.
        judged: the cases, of one protocol.
        protocol: of the cases; says which films may be ranked.
        on_step: told of progress, in cases.

    Raises:
        DataError: the recommender's catalogue lacks a target.
        ModelError: a score is not finite.
    """
    ids = np.array(scorer.catalog.ids, dtype=np.int64)
    columns = {film: column for column, film in enumerate(scorer.catalog.ids)}
    unknown = next((film for case in judged for film in case.targets if film not in columns), None)
    if unknown is not None:
        raise DataError(
            f"the recommender's catalogue lacks film {unknown}", remedy="Train it on the source that it is judged on."
        )
    top: list[list[int]] = []
    scores: list[float] = []
    liking: list[float] = []
    for first in range(0, len(judged), BATCH):
        on_step(first, len(judged), {})
        batch = judged[first : first + BATCH]
        contexts = [case.context for case in batch]
        result = _finite(scorer.scores(contexts))
        shares = log_shares(result)
        likings = _finite(scorer.liking(contexts)) if isinstance(scorer, LikingScorer) else shares
        left_out = None if protocol == "full" else [named_films(context) for context in contexts]
        top += ranked(result, ids, TOP, left_out)
        entries = [(row, columns[film]) for row, case in enumerate(batch) for film in case.targets]
        scores += [float(shares[row_of]) for row_of in entries]
        liking += [float(likings[row_of]) for row_of in entries]
    on_step(len(judged), len(judged), {})
    return Predictions(tuple(judged), top, np.array(scores), np.array(liking))


def judge(predictions: Predictions, dialogues: Sequence[Dialogue]) -> Recommendations:
    """Combine predictions with the answers of their dialogues' questionnaires."""
    row_of = {dialogue.index: position for position, dialogue in enumerate(dialogues)}
    profiles = [dialogues[row_of[case.dialogue]].profile for case in predictions.cases]
    rows = list(zip(predictions.cases, profiles, strict=True))
    best = [(top[0], profile) for top, profile in zip(predictions.top, profiles, strict=True)]
    return Recommendations(
        ranks=ranks_of([case.targets for case in predictions.cases], predictions.top),
        scores=predictions.scores,
        liking=predictions.liking,
        liked=np.array([film in profile.liked for case, profile in rows for film in case.targets]),
        disliked=np.array([film in profile.disliked for case, profile in rows for film in case.targets]),
        cases=np.repeat(np.arange(len(rows)), [len(case.targets) for case in predictions.cases]),
        dialogues=np.array([row_of[case.dialogue] for case in predictions.cases]),
        top_liked=np.array([film in profile.liked for film, profile in best]),
        top_seen=np.array([film in profile.seen for film, profile in best]),
        top_hit=np.array([film in case.targets for (film, _), (case, _) in zip(best, rows, strict=True)]),
        turns=np.array([len(dialogue.utterances) for dialogue in dialogues], dtype=np.float64),
    )


def recommendation_figures(predictions: Predictions, dialogues: Sequence[Dialogue], protocol: Protocol) -> Figures:
    """All figures with 95 % bootstrap intervals over dialogues; ``masked`` has no ``sr`` and ``rdl``.

    The AUCs in batches of 32 also say how many batches were ``left_out``.
    """
    result = judge(predictions, dialogues)
    counts = draw(len(dialogues), RESAMPLES, SEED)
    statistics: dict[str, Statistic] = ranking_statistics(result)
    if protocol != "masked":
        statistics |= dialogue_statistics(result)
    return {name: _figure(statistic, counts) for name, statistic in statistics.items()}


def baseline_rows(dialogues: Sequence[Dialogue], catalog: Catalog) -> dict[str, FilmScorer]:
    """The baselines of a recommender, fitted on the dialogues that it learnt from."""
    kinds = {
        "popularity": Popularity,
        "copy the last films": LastFilms,
        "co-occurrence": Cooccurrence,
        "BM25": NearestDialogues,
    }
    return {name: kind.fit(dialogues, catalog) for name, kind in kinds.items()}


def evaluate_scorers(
    scorers: Mapping[str, FilmScorer],
    dialogues: Sequence[Dialogue],
    protocol: Protocol,
    on_step: OnStep = lambda done, total, figures: None,
) -> tuple[dict[str, Figures], dict[str, Predictions]]:
    """Figures and predictions of several recommenders on the same cases, by name."""
    judged = split_cases(dialogues, protocol)
    figures: dict[str, Figures] = {}
    predictions: dict[str, Predictions] = {}
    for row, (name, scorer) in enumerate(scorers.items()):

        def step(done: int, total: int, result: Mapping[str, float], row: int = row) -> None:
            on_step(row * total + done, len(scorers) * total, result)

        predictions[name] = predict(scorer, judged, protocol, step)
        figures[name] = recommendation_figures(predictions[name], dialogues, protocol)
    return figures, predictions


def evaluate_recommender(
    folder: Path, corpus: Corpus, protocol: Protocol, split: Split, rows: bool, on_step: OnStep
) -> tuple[RecommenderEvaluation, Predictions]:
    """Evaluate the recommender of a folder on a split, with the baselines if ``rows`` is set.

    Args:
        folder: the recommender's; ``masked`` is judged by its stage 1, which recovers hidden films. On the validation
            dialogues its ``fits/train`` is judged where it has one.
        corpus: the dialogues.
        protocol: of the cases.
        split: of the corpus.
        rows: fit and judge the baselines, too.
        on_step: told of progress, in cases of all systems.

    Returns:
        Its figures and its predictions.

    Raises:
        ModelError: it learnt from the validation dialogues on which it should be evaluated, or the folder holds none.
    """
    scorer = train_recommender(folder) if split == "valid" else Recommender.load(folder)
    if split == "valid" and any(dialogue.text_hash in scorer.learnt_from for dialogue in corpus.valid):
        raise ModelError(
            f"{folder} learnt from the validation dialogues too. Train one with -s recommender.refit=false, "
            "or judge on --split test"
        )
    scorers: dict[str, FilmScorer] = {OWN: scorer.fusion if protocol == "masked" else scorer}
    learnt = corpus.train if split == "valid" else recommender_dialogues(corpus, scorer.settings)
    scorers |= baseline_rows(learnt, corpus.catalog) if rows else {}
    figures, predictions_of = evaluate_scorers(scorers, corpus.splits[split], protocol, on_step)
    predictions = predictions_of[OWN]
    result = RecommenderEvaluation(
        recommender=folder.resolve().name,
        corpus=corpus.name,
        protocol=protocol,
        split=split,
        cases=len(predictions.cases),
        mentions=len(predictions.scores),
        figures=figures.pop(OWN),
        rows=figures,
    )
    return result, predictions


def write_predictions(predictions: Predictions, file: Path) -> None:
    """Write one JSON line a case, a ``PredictedCase``.

    Raises:
        DataError: the file cannot be written.
    """
    rows = [
        PredictedCase(case.dialogue, case.message, list(case.targets), top)
        for case, top in zip(predictions.cases, predictions.top, strict=True)
    ]
    try:
        write_text(file, "".join(json.dumps(row.to_json()) + "\n" for row in rows))
    except OSError as error:
        raise DataError(f"cannot be written: {error}", file=file, remedy="Choose another --predictions.") from error


def _finite(scores: np.ndarray) -> np.ndarray:
    if not np.isfinite(scores).all():
        raise ModelError("the recommender gives scores that are not finite. Train it again")
    return scores


def _figure(statistic: Statistic, counts_BN: np.ndarray) -> BatchedInterval | Interval | None:
    result = interval(statistic, counts_BN)
    if result is None or not isinstance(statistic, MeanAuc):
        return result
    return BatchedInterval(result.mean, result.low, result.high, statistic.left_out)
