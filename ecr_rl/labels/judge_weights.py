"""The weights of several judges: those of the settings, or by agreement with people's ratings of replies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from algorithms.evaluators.regression_figures import spearman_if_defined
from ecr_rl.labels.judging.judge_protocol import Evidence
from ecr_rl.labels.judging.text_evidence import TextEvidence
from ecr_rl.labels.judging.weighing import (
    PeopleAgreement,
    Weighing,
    equal_weights,
    given_weights,
    weights_by_agreement,
)
from ecr_rl.labels.kept_labels import KeptLabels, names_of
from ecr_rl.labels.labelling import LabelPlan
from ecr_rl.labels.prepared_judge import PlannedLabels
from ecr_rl.labels.replies.examples import Example
from ecr_rl.labels.replies.made_replies import Kind
from ecr_rl.labels.storage.store import LabelTable, read_labels, write_turn
from ecr_rl.settings import JudgeSettings
from envs.catalog import Catalog
from envs.corpora.spread import evenly_spread
from envs.errors import ConfigError
from envs.progress import OnStep, share_of
from envs.ratings.parts import only
from envs.ratings.record import RatedReply, RatingSet

SAMPLE = 300
"""The most rated replies that each judge scores."""
RATINGS = ("overall", "relevance")
"""What people's rating is called that a judge's ``overall`` is held against; of a set the first that it has."""


@dataclass(frozen=True, slots=True)
class RatedSample:
    """Rated replies that judges are held against, N of them.

    Attributes:
        replies: the replies.
        means: (N,) their raters' mean, in their set's own scale.
        sets: the set of each.
    """

    replies: tuple[RatedReply, ...]
    means: np.ndarray
    sets: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the replies with their contexts, sets and means."""
        pairs = zip(self.replies, self.means.tolist(), self.sets, strict=True)
        texts = [[name, mean, *map(write_turn, reply.context), reply.response] for reply, mean, name in pairs]
        return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def weigh(
    planned: Sequence[PlannedLabels],
    kept: KeptLabels,
    sample: RatedSample | None,
    catalog: Catalog,
    on_step: OnStep,
) -> Weighing:
    """What each judge weighs.

    Args:
        planned: J judges; their plans say how they label.
        kept: where a judge's labels of the rated replies are, and stay.
        sample: rated replies; None where there are none.
        catalog: the films.
        on_step: called with the progress, in rated replies of all judges.

    Returns:
        The weights of the settings if they give any; else by agreement with people, if there are rated replies; else
        equal ones.

    Raises:
        ModelError: no judge agrees with people.
    """
    given = [one.judge.settings.weight for one in planned if one.judge.settings.weight is not None]
    if len(given) == len(planned) > 1:
        return given_weights(given)
    if sample is None or len(planned) == 1:
        return equal_weights(len(planned))
    find, people = TextEvidence(catalog), []
    evidence = [find.of(reply.exchange) for reply in sample.replies]
    for index, one in enumerate(planned):
        step = share_of(on_step, index * len(evidence), len(evidence), len(planned) * len(evidence))
        folder = kept.label(replace(one, plan=_plan_of(evidence, one.plan)), step)
        people.append(_agreement(read_labels(folder), sample))
    return weights_by_agreement(names_of(planned), people)


def rated_sample(judges: Sequence[JudgeSettings], sets: Sequence[RatingSet], seed: int) -> RatedSample | None:
    """Rated replies of the critic's part, spread evenly over all sets; see ``SAMPLE`` and ``RATINGS``.

    Args:
        judges: the judges that are to be weighed.
        sets: people's ratings.
        seed: of the division into parts.

    Returns:
        The sample; None where it decides nothing: of one judge, of judges with weights, or without ratings.

    Raises:
        ConfigError: no reply of that part has such a rating.
    """
    if not sets or len(judges) == 1 or any(judge.weight is not None for judge in judges):
        return None
    keep, pool = only("critic", seed), list[tuple[RatedReply, float, str]]()
    for ratings in sets:
        name = next((name for name in RATINGS if name in ratings.rating_names), "")
        pool += [
            (reply, float(np.mean(reply.ratings[name])), ratings.name)
            for reply in ratings.replies
            if name in reply.ratings and keep(reply.group, ratings.name)
        ]
    if not pool:
        raise ConfigError(
            f"people.ratings has no reply rated in {' or '.join(RATINGS)}, by which judges could be weighed. Name such "
            "ratings, or weigh the judges yourself: labels.weight, and weight of each of labels.more_judges"
        )
    chosen = [pool[index] for index in evenly_spread(len(pool), SAMPLE)]
    replies, means, names = zip(*chosen, strict=True)
    return RatedSample(replies, np.array(means), names)


def _plan_of(evidence: Sequence[Evidence], like: LabelPlan) -> LabelPlan:
    examples = [Example(piece, Kind.HUMAN, index, 0) for index, piece in enumerate(evidence)]
    return replace(like, examples={"train": examples}, source={"rated replies": len(examples)})


def _agreement(table: LabelTable, sample: RatedSample) -> PeopleAgreement:
    """Spearman's rho of ``overall`` with people's means: the mean over the sets, by the replies that were scored."""
    column = table.heads.index("overall")
    rows = np.array([int(dialogue) for dialogue in table.column("dialogue")])
    scores, known = table.labels.values[:, column], table.labels.known[:, column]
    means, sets = sample.means[rows], np.array(sample.sets)[rows]
    told = []
    for name in dict.fromkeys(sample.sets):
        chosen = known & (sets == name)
        rho = spearman_if_defined(means[chosen], scores[chosen])
        told += [] if rho is None else [(rho, int(chosen.sum()))]
    count = sum(n for _, n in told)
    return PeopleAgreement(sum(rho * n for rho, n in told) / count if count else None, int(known.sum()))
