"""What an evaluation of a critic found, in the form that it has in ``evaluation.json``."""

from __future__ import annotations

from dataclasses import dataclass

from algorithms.evaluators.head_figures import HeadFit
from ecr_rl.evaluation.critic.people_results import PeopleRatings
from ecr_rl.evaluation.sensitivity.results import Sensitivity
from envs.json_record import JsonRecord


@dataclass(frozen=True, slots=True)
class ContextFit:
    """How a head's scores of human replies go with the labels of a judge: R2 and rank correlation.

    None where labels or scores do not vary.
    """

    r2: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class PairShares:
    """Shares of matched pairs that are ranked rightly, a tie counting half; None without pairs.

    Attributes:
        head: whose scores rank them.
        n: pairs.
        share_right: by the critic.
        n_same_length: pairs of like length.
        share_right_same_length: of those, by the critic.
        judge_share_right: by the judge's labels, which a critic cannot be expected to pass.
        judge_share_right_same_length: of the pairs of like length, by the judge's labels.
    """

    head: str
    n: int
    share_right: float | None
    n_same_length: int
    share_right_same_length: float | None
    judge_share_right: float | None
    judge_share_right_same_length: float | None


@dataclass(frozen=True, slots=True)
class HumanAgreement:
    """A head against what people said.

    Attributes:
        head: its name.
        auc: the chance that it ranks what people prefer first; None where either side is empty.
        n: exchanges of what they prefer, and of what they do not.
    """

    head: str
    auc: float | None
    n: tuple[int, int]


@dataclass(frozen=True, slots=True)
class CriticResults(JsonRecord):
    """A critic on dialogues that it never saw.

    Attributes:
        heads: how well each head predicts the judge; BLEU on made replies, since a human reply is its own reference.
            Heads without labels are there, too, without figures.
        contexts: of each form of context that a judge is told, how each head goes with its labels of human replies.
        kinds: of each kind of worse reply, how the critic ranks it.
        sensitivity: how edits of human replies move the critic, its judge and the other judges of its run.
        people: of each source, how a head goes with what people said.
        n: human replies.
        n_made: made ones.
        split: of the corpus.
        judge: its name.
        seed: of all draws.
        people_ratings: how the heads go with ratings of people; None where none were given.
    """

    heads: dict[str, HeadFit]
    contexts: dict[str, dict[str, ContextFit]]
    kinds: dict[str, PairShares]
    sensitivity: Sensitivity
    people: dict[str, HumanAgreement]
    n: int
    n_made: int
    split: str
    judge: str
    seed: int
    people_ratings: PeopleRatings | None = None
