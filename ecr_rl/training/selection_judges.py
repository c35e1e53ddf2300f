"""Measure a policy on its validation conversations, for the choice of the policy that a run keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from algorithms.evaluators.pmi import ContextInformation, titles_as_slots
from algorithms.evaluators.registry import HeadScorer
from algorithms.evaluators.text_figures import count_grams
from algorithms.policy.rollout import Conversation
from ecr_rl.training.constraints import Scored
from envs.catalog import Catalog
from envs.corpora.spread import evenly_spread
from envs.errors import ModelError
from envs.heads import Exchange

_HEAD = "overall"
"""The head by which evaluators score a reply."""


@dataclass(frozen=True, slots=True)
class SelectionJudges:
    """Those who score policies for the choice; no reward reads any of them.

    Attributes:
        selecting: the selecting evaluator.
        people: an evaluator that learnt from people's ratings; None: its score constrains nothing.
        information: measures the PMI; None: it constrains nothing.
        informed: the most conversations whose PMI is measured, spread evenly.
    """

    selecting: HeadScorer
    people: HeadScorer | None = None
    information: ContextInformation | None = None
    informed: int = 0

    def score(
        self, talks: Sequence[Conversation], catalog: Catalog, iteration: int, kl: float
    ) -> tuple[Scored, dict[str, list[float]]]:
        """Score a policy by its conversations.

        Args:
            talks: the conversations, one a dialogue.
            catalog: the films, whose titles are slots for the PMI.
            iteration: the last iteration of the policy's training.
            kl: of that iteration; it is recorded with the scores.

        Returns:
            The policy's figures, and by metric the values of the conversations that it was measured in.

        Raises:
            ModelError: the seeker failed in every conversation.
        """
        exchanges = [[Exchange(outcome.context, outcome.reply) for outcome in talk.outcomes] for talk in talks]
        people = [] if self.people is None else [_overall(self.people, each) for each in exchanges]
        each = {
            "select_score": [float(_overall(self.selecting, turns).mean()) for turns in exchanges],
            "select_reward": [float(np.mean(talk.rewards)) for talk in talks],
            "select_length": [float(np.mean([len(turn.reply.split()) for turn in turns])) for turns in exchanges],
            "select_success": _successes(talks, iteration),
            "select_pmi": [] if self.information is None else self._pmi(self.information, exchanges, catalog),
            "select_people": [float(scores.mean()) for scores in people],
        }
        each = {name: values for name, values in each.items() if values}
        means = {name.removeprefix("select_"): float(np.mean(values)) for name, values in each.items()}
        scored = Scored(
            iteration=iteration,
            dist2=_dist2(exchanges),
            kl=kl,
            failures=len(talks) - len(each["select_success"]),
            people_deviation=float(np.concatenate(people).std()) if people else None,
            **means,
        )
        return scored, each

    def _pmi(
        self, information: ContextInformation, exchanges: Sequence[Sequence[Exchange]], catalog: Catalog
    ) -> list[float]:
        """Mean PMI of the turns of each measured conversation; a reply without words tells nothing: 0."""
        means = []
        for index in evenly_spread(len(exchanges), self.informed):
            slotted = [titles_as_slots(exchange, catalog) for exchange in exchanges[index]]
            means.append(float(np.nan_to_num(information.of(slotted), nan=0.0).mean()))
        return means


def _overall(evaluator: HeadScorer, exchanges: Sequence[Exchange]) -> np.ndarray:
    """An evaluator's overall scores (N,) of N exchanges."""
    return evaluator.scores(exchanges)[:, evaluator.heads.index(_HEAD)]


def _successes(talks: Sequence[Conversation], iteration: int) -> list[float]:
    """1 for each conversation in which a film was accepted, else 0; without those in which the seeker failed."""
    known = [talk for talk in talks if not talk.outcomes[-1].failure]
    if not known:
        raise ModelError(
            f"the seeker failed in every one of {len(talks)} validation conversations after iteration {iteration}, so "
            "no policy can be chosen; the log says why. Go on with --resume when it answers"
        )
    return [float(any(outcome.accepted is not None for outcome in talk.outcomes)) for talk in known]


def _dist2(exchanges: Sequence[Sequence[Exchange]]) -> float:
    counts = count_grams([[exchange.reply for exchange in turns] for turns in exchanges], 2)
    return counts.distinct / max(1.0, float(counts.totals.sum()))
