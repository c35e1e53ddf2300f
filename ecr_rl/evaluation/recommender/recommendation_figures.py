"""Compute figures of film recommendation from ranks, scores and the seekers' questionnaires.

A ground-truth mention is one film that a case is to find; each counts as a query of its own, as in UniCRS and ECR.
``rank`` is its 1-based place in its case's ranking of ``TOP`` films, infinite below it.

    r@K      share of mentions with rank <= K
    mrr      mean of 1 / rank
    ndcg@K   mean of 1 / log2(1 + rank) where rank <= K, else 0: one relevant film a query, so the ideal is 1
    rt@K     r@K over the mentions that the seeker liked
    auc      share of pairs of a liked and a disliked mention in which the liked one has the higher liking, ties half
    auc_ranking  the same by the scores of the ranking
    sr       share of dialogues with a case in which the top film was liked or seen
    rdl      mean over dialogues with a case of (1.0 if liked + 0.5 if seen, of each case's top film) / turns

``sr`` and ``rdl`` use the questionnaire's answer on any film of the dialogue, also on one that the seeker named earlier
or that comes later. ``sr_targets`` and ``rdl_targets`` count a top film only if it is a target of its case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ecr_rl.evaluation.bootstrap import Auc, Interval, Ratio, Statistic, divide

CUTS = (1, 10, 50)
TOP = 50
"""Films of a ranking."""
ECR_BATCH = 32
"""Cases of ECR's evaluation batches, inside which it takes the AUC."""


@dataclass(frozen=True)
class Recommendations:
    """The results of C cases of N dialogues with M ground-truth mentions.

    Attributes:
        ranks: (M,) 1-based, infinite below the ranking's end.
        scores: (M,) of each mention by the ranking, comparable between cases.
        liking: (M,) how well the seeker likes each mention by the recommender; ``scores`` where it does not say.
        liked: (M,) bool, by the questionnaire; a mention may be neither liked nor disliked.
        disliked: (M,) bool.
        cases: (M,) place of each mention's case.
        dialogues: (C,) place of each case's dialogue.
        top_liked: (C,) bool: the seeker liked the film at the top.
        top_seen: (C,) bool: the seeker had seen it.
        top_hit: (C,) bool: it is a target of the case.
        turns: (N,) turns of each dialogue.
    """

    ranks: np.ndarray
    scores: np.ndarray
    liking: np.ndarray
    liked: np.ndarray
    disliked: np.ndarray
    cases: np.ndarray
    dialogues: np.ndarray
    top_liked: np.ndarray
    top_seen: np.ndarray
    top_hit: np.ndarray
    turns: np.ndarray

    @property
    def mention_dialogues(self) -> np.ndarray:
        """(M,) place of each mention's dialogue."""
        return self.dialogues[self.cases]


@dataclass(frozen=True)
class MeanAuc:
    """The mean of AUCs taken inside batches; a batch without both classes is left out."""

    batches: tuple[Auc, ...]

    @property
    def left_out(self) -> int:
        """Batches without both classes."""
        return sum(not (batch.positive.any() and not batch.positive.all()) for batch in self.batches)

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have a liked or disliked mention, shape (N,), bool."""
        return np.any([batch.present for batch in self.batches], axis=0)

    def restricted(self, keep_N: np.ndarray) -> MeanAuc:
        """The same figure without the dialogues where ``keep_N`` is False."""
        return MeanAuc(tuple(batch.restricted(keep_N) for batch in self.batches))

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,); NaN where no batch has both classes."""
        results = np.array([batch.over(counts_BN) for batch in self.batches])
        known = np.isfinite(results)
        return divide(np.where(known, results, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))


@dataclass(frozen=True, slots=True)
class BatchedInterval(Interval):
    """A mean over batches with its interval.

    Attributes:
        left_out: batches that have no value.
    """

    left_out: int


def ranking_statistics(results: Recommendations) -> dict[str, Statistic]:
    """``r@K``, ``mrr``, ``ndcg@K``, ``rt@K`` and the AUCs: what needs no ranking's top film."""
    every = np.ones(len(results.ranks), dtype=bool)
    gain = 1 / np.log2(1 + results.ranks)
    return {
        **{f"r@{cut}": _mean(results, results.ranks <= cut, every) for cut in CUTS},
        "mrr": _mean(results, 1 / results.ranks, every),
        **{f"ndcg@{cut}": _mean(results, np.where(results.ranks <= cut, gain, 0.0), every) for cut in CUTS[1:]},
        **{f"rt@{cut}": _mean(results, results.ranks <= cut, results.liked) for cut in CUTS},
        **_auc_statistics("auc", results, results.liking),
        **_auc_statistics("auc_ranking", results, results.scores),
    }


def dialogue_statistics(results: Recommendations) -> dict[str, Statistic]:
    """``sr``, ``rdl`` and both over targets alone: what a recommender that says its top film would earn."""
    size = len(results.turns)
    judged = (np.bincount(results.dialogues, minlength=size) > 0).astype(np.float64)
    statistics: dict[str, Statistic] = {}
    for suffix, counts_C in (("", np.ones(len(results.dialogues))), ("_targets", results.top_hit.astype(np.float64))):
        success = np.bincount(results.dialogues, counts_C * (results.top_liked | results.top_seen), size) > 0
        reward = np.bincount(results.dialogues, counts_C * (results.top_liked + 0.5 * results.top_seen), size)
        statistics[f"sr{suffix}"] = Ratio(success.astype(np.float64), judged)
        statistics[f"rdl{suffix}"] = Ratio(reward / np.maximum(results.turns, 1), judged)
    return statistics


def batched_auc(results: Recommendations, scores_M: np.ndarray) -> MeanAuc:
    """ECR's AUC by scores of the mentions: inside batches of 32 cases in file order, then averaged."""
    batch = results.cases // ECR_BATCH
    batches = range(int(batch.max(initial=0)) + 1)
    return MeanAuc(tuple(_auc(results, scores_M, np.flatnonzero(batch == each)) for each in batches))


def ranks_of(targets: Sequence[Iterable[int]], rankings: Sequence[Sequence[int]]) -> np.ndarray:
    """(M,) the 1-based rank of each target of each case in its ranking; infinite where it is not in it."""
    ranks_of_films = [{film: rank for rank, film in enumerate(ranking, start=1)} for ranking in rankings]
    results = [rank.get(film, np.inf) for films, rank in zip(targets, ranks_of_films, strict=True) for film in films]
    return np.array(results, dtype=np.float64)


def _auc_statistics(name: str, results: Recommendations, scores_M: np.ndarray) -> dict[str, Statistic]:
    pooled = _auc(results, scores_M, np.arange(len(scores_M)))
    return {name: pooled, f"{name}_batches_of_{ECR_BATCH}": batched_auc(results, scores_M)}


def _auc(results: Recommendations, scores_M: np.ndarray, mentions: np.ndarray) -> Auc:
    told = mentions[results.liked[mentions] | results.disliked[mentions]]
    return Auc(scores_M[told], results.liked[told], results.mention_dialogues[told], len(results.turns))


def _mean(results: Recommendations, values_M: np.ndarray, counted_M: np.ndarray) -> Ratio:
    """The mean over the mentions that count, from the sums that each dialogue contributes."""
    ranks_of_films, size = results.mention_dialogues, len(results.turns)
    return Ratio(np.bincount(ranks_of_films, values_M * counted_M, size), np.bincount(ranks_of_films, counted_M, size))
