"""Evaluate a critic on unseen dialogues: how well it predicts the judge, ranks kinds, and agrees with people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from algorithms.evaluators.head_figures import NO_FIT, HeadData, HeadFit, head_fit
from algorithms.evaluators.regression_figures import r_squared_if_defined, spearman_if_defined
from ecr_rl.evaluation.bootstrap import draw
from ecr_rl.evaluation.critic.human_judgements import emotion_figures, questionnaire_figures
from ecr_rl.evaluation.critic.matched_pairs import NAMES, PAIRS, MatchedPair, matched_pairs, pair_shares
from ecr_rl.evaluation.critic.results import ContextFit, CriticResults, PairShares
from ecr_rl.evaluation.sensitivity.edits import FilmEditor
from ecr_rl.evaluation.sensitivity.judges import Scorer, by_critic, by_judge
from ecr_rl.evaluation.sensitivity.measuring import EDITED, sensitivity
from ecr_rl.labels.judging.judge_protocol import Judge, Labels
from ecr_rl.labels.replies.examples import Example, human_examples, replies_of_kind
from ecr_rl.labels.replies.made_replies import MADE, Kind, ReplyMaker, held_out_maker
from ecr_rl.labels.replies.nearest import NearestReplies
from envs.corpora.corpus import Corpus
from envs.corpora.goemotions import GoEmotions
from envs.corpora.spread import evenly_spread
from envs.errors import DataError
from envs.heads import HeadScores, RewardModel
from envs.progress import OnStep

RESAMPLES = 1000
_STEPS = 5


@dataclass(frozen=True)
class Judged:
    """N examples with the judge's labels and the critic's scores."""

    examples: Sequence[Example]
    labels: Labels
    scores: HeadScores

    @property
    def replies(self) -> list[str]:
        """The replies alone."""
        return [example.evidence.exchange.reply for example in self.examples]

    def column(self, head: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of one head the labels, which of them are known, the scores and their spreads, (N,) each."""
        label, score = self.labels.heads.index(head), self.scores.heads.index(head)
        labels, known = self.labels.values[:, label], self.labels.known[:, label]
        return labels, known, self.scores.mean[:, score], self.scores.spread[:, score]

    @property
    def dialogues(self) -> np.ndarray:
        """(N,) the dialogue of each."""
        return np.array([example.dialogue for example in self.examples], dtype=np.int64)


@dataclass(frozen=True)
class CriticEvaluation:
    """The result of ``evaluate_critic``, and the labels and scores that plots are drawn from."""

    results: CriticResults
    human: Judged
    made: Judged


def evaluate_critic(
    critic: RewardModel,
    judge: Judge,
    corpus: Corpus,
    split: str = "test",
    replies: int | None = 2000,
    per_kind: int = 500,
    seed: int = 0,
    goemotions: GoEmotions | None = None,
    told: Mapping[str, Judge] | None = None,
    others: Mapping[str, Scorer] | None = None,
    on_step: OnStep = lambda done, total, figures: None,
) -> CriticEvaluation:
    """Evaluate a critic on a split.

    Args:
        critic: scores exchanges.
        judge: labels them; the one that made the critic's labels, of the same heads.
        corpus: the dialogues; made replies use only phrases and films that training never used.
        split: ``valid`` or ``test``.
        replies: human replies, spread evenly over the split; None: all.
        per_kind: replies of each made kind.
        seed: of the made replies, the edits and the resamples.
        goemotions: adds how the empathy head ranks comments that people called warm and harsh.
        told: judges by the form of context that they read; adds how well the critic predicts each judge's labels.
        others: further judges by name; adds how edits move their scores, beside those of critic and judge.
        on_step: called with the progress.

    Raises:
        DataError: the split holds no recommender turn.
    """
    on_step(0, _STEPS, {})
    cases = human_examples(corpus.splits[split], corpus.catalog)
    if not cases:
        raise DataError(f"no recommender turn in the split {split!r}", remedy="Use more dialogues of the corpus.")
    rng = np.random.default_rng([seed, 41])
    chosen = [cases[index] for index in evenly_spread(len(cases), len(cases) if replies is None else replies)]
    human = _judged(critic, judge, chosen)
    heads = human.scores.heads
    on_step(1, _STEPS, {})
    evidence = [case.evidence for case in cases]
    maker = held_out_maker(corpus.catalog, evidence)
    nearest = NearestReplies(human_examples(corpus.train[::2], corpus.catalog))
    made = _judged(critic, judge, nearest.fill(_made(cases, maker, per_kind, rng), of_training=False))
    on_step(2, _STEPS, {})
    pairs = matched_pairs(cases, maker, per_kind, rng)
    kinds = {
        NAMES.get(kind, kind.value): _pair_shares(critic, judge, kind, sources)
        for kind, sources in pairs.items()
        if PAIRS[kind] in heads
    }
    on_step(3, _STEPS, {})
    edited = [chosen[index] for index in evenly_spread(len(chosen), EDITED)]
    judges = {"critic": by_critic(critic), judge.name: by_judge(judge), **(others or {})}
    moved = sensitivity(judges, judge.heads, edited, FilmEditor(corpus.catalog, evidence), seed)
    on_step(4, _STEPS, {})
    people = {"questionnaire": questionnaire_figures(critic, cases)} if "recommendation" in heads else {}
    if goemotions is not None and "empathy" in heads:
        people["goemotions"] = emotion_figures(critic, goemotions)
    results = CriticResults(
        heads={name: _head_fit(name, human, made, seed) for name in heads}
        | dict.fromkeys(human.scores.without_labels, NO_FIT),
        contexts={
            form: _context_fits(human if other is judge else replace(human, labels=_labels(other, chosen)))
            for form, other in (told or {}).items()
        },
        kinds=kinds,
        sensitivity=moved,
        people=people,
        n=len(human.examples),
        n_made=len(made.examples),
        split=split,
        judge=judge.name,
        seed=seed,
    )
    on_step(_STEPS, _STEPS, {})
    return CriticEvaluation(results, human, made)


def _judged(critic: RewardModel, judge: Judge, examples: Sequence[Example]) -> Judged:
    return Judged(examples, _labels(judge, examples), critic.score([each.evidence.exchange for each in examples]))


def _labels(judge: Judge, examples: Sequence[Example]) -> Labels:
    return judge.judge([example.evidence for example in examples])


def _made(cases: Sequence[Example], maker: ReplyMaker, count: int, rng: np.random.Generator) -> list[Example]:
    """``count`` replies of each made kind; fewer if too few cases suit the kind."""
    return [
        Example(piece, kind, case.dialogue, case.turn)
        for kind in MADE
        for case, piece in islice(replies_of_kind(cases, maker, kind, rng), count)
    ]


def _head_fit(name: str, human: Judged, made: Judged, seed: int) -> HeadFit:
    alone, both = _data([human], name), _data([human, made], name)
    over = "human"
    if not len(alone.labels):  # BLEU: a human reply is its own reference
        alone, over = _data([made], name), "made"
    numbers = np.unique(alone.dialogues, return_inverse=True)[1]
    counts_BN = draw(int(numbers.max(initial=0)) + 1, RESAMPLES, seed)
    return head_fit(replace(alone, dialogues=numbers), over, both, counts_BN)


def _context_fits(human: Judged) -> dict[str, ContextFit]:
    """How the critic's scores of human replies go with their labels, whatever the judge was told."""
    sources = {}
    for head in human.scores.heads:
        labels, known, mean, _ = human.column(head)
        if known.any():
            truth, scores = labels[known].astype(np.float64), mean[known].astype(np.float64)
            sources[head] = ContextFit(r_squared_if_defined(truth, scores), spearman_if_defined(truth, scores))
    return sources


def _data(parts: Sequence[Judged], head: str) -> HeadData:
    """The head's known labels of all parts together."""
    columns = [part.column(head) for part in parts]
    labels, scores, spread = (
        np.concatenate([column[index][column[1]] for column in columns]).astype(np.float64) for index in (0, 2, 3)
    )
    rows = [np.flatnonzero(known) for _, known, _, _ in columns]
    return HeadData(
        labels=labels,
        scores=scores,
        spread=spread,
        replies=[part.replies[row] for part, known in zip(parts, rows, strict=True) for row in known],
        dialogues=np.concatenate([part.dialogues[known] for part, known in zip(parts, rows, strict=True)]),
    )


def _pair_shares(critic: RewardModel, judge: Judge, kind: Kind, pairs: Sequence[MatchedPair]) -> PairShares:
    head = PAIRS[kind]
    sides = [[pair.better for pair in pairs], [pair.worse for pair in pairs]]
    scored = [critic.score([piece.exchange for piece in side]) for side in sides]
    labelled = [judge.judge(side) for side in sides]
    scores = [scores.mean[:, scores.heads.index(head)] for scores in scored]
    labels = [labels.values[:, labels.heads.index(head)] for labels in labelled]
    return pair_shares(head, pairs, *scores, *labels)
