"""Score a conversation's turns by judges that PPO was not trained against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithms.evaluators.pmi import ContextInformation
from algorithms.evaluators.registry import HeadScorer
from algorithms.policy.rollout import Conversation
from ecr_rl.labels.judge_folder import carries_judge, context_of, emotions_of, judge_of
from ecr_rl.labels.judging.judge_protocol import Evidence, Judge
from ecr_rl.labels.judging.text_evidence import TextEvidence
from envs.catalog import Catalog
from envs.dialogue import SeekerProfile
from envs.emotions import emotion_cosines
from envs.heads import Exchange


@dataclass(frozen=True)
class TurnJudgement:
    """One turn: scores in [0, 1] by head of reporting evaluator, people and rubric, and the PMI in nats a token.

    What was not measured is empty or None.
    """

    reported: dict[str, float]
    people: dict[str, float]
    rubric: dict[str, float]
    pmi: float | None


class TurnJudges:
    """The reporting evaluator, that of people, the rubric measured on the text itself, and a language model's PMI."""

    def __init__(
        self,
        catalog: Catalog,
        reporting: HeadScorer,
        people: HeadScorer | None,
        critic: Path,
        information: ContextInformation | None,
    ) -> None:
        """Load the judges.

        Args:
            catalog: the films.
            reporting: the reporting evaluator.
            people: the evaluator that learnt from people's ratings alone; None leaves it out.
            critic: the critic's folder; if it holds the rubric that made its labels, this rubric judges, too.
            information: measures the PMI; None leaves it out.
        """
        self._reporting, self._people = reporting, people
        self._rubric = judge_of(critic, catalog, context_of(critic)) if carries_judge(critic) else None
        self._emotions = emotions_of(critic)
        self._information = information
        self._evidence = TextEvidence(catalog)

    def judge(self, talk: Conversation, profile: SeekerProfile, informed: bool) -> list[TurnJudgement]:
        """Score each turn of a conversation.

        Args:
            talk: the conversation.
            profile: the seeker's profile.
            informed: whether to measure the PMI, which costs two passes of a language model.
        """
        evidence = [
            self._evidence.of(Exchange(outcome.context, outcome.reply), outcome.films, profile, outcome.cut)
            for outcome in talk.outcomes
        ]
        exchanges = [piece.exchange for piece in evidence]
        reported = _by_head(self._reporting, exchanges)
        people = [{}] * len(evidence) if self._people is None else _by_head(self._people, exchanges)
        rubric = [{}] * len(evidence) if self._rubric is None else _judged(self._rubric, evidence)
        measured = informed and self._information is not None
        pmi = self._information.of(exchanges) if measured and self._information else np.full(len(exchanges), np.nan)
        return [
            TurnJudgement(
                reported=reported[index],
                people=people[index],
                rubric=rubric[index],
                pmi=float(pmi[index]) if np.isfinite(pmi[index]) else None,
            )
            for index in range(len(evidence))
        ]

    def emotion_match(self, replies: Sequence[str], references: Sequence[str]) -> list[float]:
        """Cosine of the nine emotions of each reply and of the human reply to the same context."""
        mine, theirs = (self._emotions.read(list(texts)).nine for texts in (replies, references))
        return emotion_cosines(mine, theirs).tolist()


def _by_head(scorer: HeadScorer, exchanges: Sequence[Exchange]) -> list[dict[str, float]]:
    """Of each exchange its scores by head."""
    return [dict(zip(scorer.heads, map(float, row), strict=True)) for row in scorer.scores(exchanges)]


def _judged(rubric: Judge, evidence: Sequence[Evidence]) -> list[dict[str, float]]:
    """Of each piece the heads that are judged, by name; one that the rubric does not know is left out."""
    labels = rubric.judge(evidence)
    columns = [(head.name, labels.heads.index(head.name)) for head in rubric.heads if head.judged]
    return [
        {name: float(values[column]) for name, column in columns if known[column]}
        for values, known in zip(labels.values, labels.known, strict=True)
    ]
