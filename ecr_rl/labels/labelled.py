"""Labelled examples of a corpus, for the training and the held-out evaluation of a critic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecr_rl.labels.judging.judge_protocol import Judge, Labels
from ecr_rl.labels.replies.examples import Example, build_examples
from envs.catalog import Catalog
from envs.dialogue import Dialogue
from envs.errors import DataError
from envs.heads import Exchange


@dataclass(frozen=True)
class LabelledSet:
    """N examples and their labels."""

    examples: list[Example]
    labels: Labels

    @property
    def exchanges(self) -> list[Exchange]:
        """The examples' exchanges, which a critic reads."""
        return [example.evidence.exchange for example in self.examples]

    @property
    def replies(self) -> list[str]:
        """The replies alone."""
        return [example.evidence.exchange.reply for example in self.examples]


def label(dialogues: Sequence[Dialogue], catalog: Catalog, judge: Judge, count: int, seed: int) -> LabelledSet:
    """Let a judge label at most ``count`` examples of the dialogues, without policy replies.

    Raises:
        DataError: the dialogues hold no recommender turn.
    """
    examples = build_examples(dialogues, catalog, count, seed)
    if not examples:
        raise DataError(
            f"no recommender turn in {len(dialogues)} dialogues",
            remedy="Use more dialogues of the corpus (data.limit).",
        )
    return LabelledSet(examples, judge.judge([example.evidence for example in examples]))
