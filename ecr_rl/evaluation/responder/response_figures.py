"""Figures of a responder's replies to human contexts, with bootstrap intervals over dialogues.

Texts are templates: every film is ``<movie>``, in replies and references alike, as ECR and UniCRS evaluate them. Words
are whitespace tokens. If possible, another emotion reader measures than the planner's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from algorithms.evaluators import text_figures
from algorithms.policy.responder_rows import reply_with_names
from algorithms.readers.emotions import EmotionReader
from ecr_rl.evaluation.bootstrap import COVERAGE, Distinct, Metrics, Ratio, Statistic, draw, interval, paired
from ecr_rl.evaluation.responder.independent_emotions import IndependentEmotions
from ecr_rl.evaluation.responder.response_cases import (
    AskedCases,
    GoldCases,
    Likelihood,
    Responder,
    human_likelihoods,
    replies_as_asked,
    sampled_replies,
)
from envs.dialogue import mentioned_films, without_films
from envs.emotions import NINE, THRESHOLD, emotion_cosines
from envs.film_text.markup import MOVIE
from envs.json_record import JsonRecord
from envs.progress import OnStep

FORMULAS = {
    **{
        f"bleu{order}": f"ECR's: sentence BLEU with all weight on order {order}, unsmoothed, mean over cases"
        for order in text_figures.ORDERS
    },
    **{
        f"dist{order}_sentences": f"ECR's: distinct word {order}-grams / replies; grows as replies are fewer"
        for order in text_figures.ORDERS
    },
    **{f"dist{order}_all": f"distinct word {order}-grams / all {order}-grams" for order in text_figures.ORDERS},
    "perplexity": "exp(nats of the human replies / their words), end token included, shown the recommender's films and "
    "the planner's emotions",
    "perplexity_human": "the same, shown the human reply's own films and emotions; unconditioned: the same number",
    "film_share": "share of replies that name a film",
    "emotion_cosine": "cosine of the nine emotions of reply and human reply, mean over cases",
    "emotion_asked": "share of replies whose most probable emotion other than neutral (at least .1) is one that the "
    "planner asked for, of the cases where it asked for one other than neutral",
    "emotion_followed": "the same, asked for the human reply's own emotions and films; of the cases where it carries "
    "one other than neutral. Unconditioned: its only replies",
    "words": "words a reply",
}
_AGAINST_HUMAN = {"emotion_cosine", *(f"bleu{order}" for order in text_figures.ORDERS)}
"""Figures that compare with the human reply; they are not defined for the human reply itself."""
_NEUTRAL = NINE.index("neutral")


@dataclass(frozen=True)
class Said:
    """One system's replies to the N cases, films as ``@id``.

    Attributes:
        replies: with the recommender's films and the planner's emotions in the prompt.
        likelihoods: of the human replies, by name.
        as_asked: with the human reply's films and emotions in the prompt; equal to ``replies`` if the prompt has none.
    """

    replies: Sequence[str]
    likelihoods: Mapping[str, Likelihood]
    as_asked: Sequence[str]


@dataclass(frozen=True)
class Perplexity:
    """Perplexity a word of N dialogues: exp of nats over words, both (N,)."""

    rate: Ratio

    @property
    def present(self) -> np.ndarray:
        """Which dialogues have data, shape (N,), bool."""
        return self.rate.present

    def restricted(self, keep_N: np.ndarray) -> Perplexity:
        """The same figure without the dialogues where ``keep_N`` is False."""
        return Perplexity(self.rate.restricted(keep_N))

    def over(self, counts_BN: np.ndarray) -> np.ndarray:
        """The figure of B resamples, shape (B,)."""
        return np.exp(self.rate.over(counts_BN))


@dataclass(frozen=True)
class Measure:
    """The cases and emotions that replies are measured against.

    Attributes:
        gold: the N cases.
        asked: the emotions that the planner asks for in each.
        carried: those that the human reply carries.
        reader: reads the emotions of replies.
    """

    gold: GoldCases
    asked: Sequence[tuple[str, ...]]
    carried: Sequence[tuple[str, ...]]
    reader: EmotionReader

    def statistics(self, said: Said) -> dict[str, Statistic]:
        """The figures of ``FORMULAS`` that the system has, each a statistic over the cases' dialogues."""
        texts, references = list(map(template, said.replies)), list(map(template, self.gold.human))
        statistics: dict[str, Statistic] = {}
        for order in text_figures.ORDERS:
            pairs = zip(texts, references, strict=True)
            statistics[f"bleu{order}"] = self._mean([text_figures.bleu(*pair, order) for pair in pairs])
            grams = text_figures.count_grams(self._by_dialogue(texts), order)
            statistics[f"dist{order}_sentences"] = Distinct(grams.distinct, grams.alone, grams.sentences)
            statistics[f"dist{order}_all"] = Distinct(grams.distinct, grams.alone, grams.totals)
        for name, likelihood in said.likelihoods.items():
            statistics[name] = Perplexity(Ratio(self._sums(likelihood.nats), self._sums(likelihood.words)))
        statistics["film_share"] = self._mean([bool(mentioned_films(reply)) for reply in said.replies])
        statistics["words"] = self._mean([text_figures.word_count(text) for text in texts])
        nine, human = self._nine(said.replies), self._nine(self.gold.human)
        return statistics | {
            "emotion_cosine": self._mean(emotion_cosines(nine, human)),
            "emotion_asked": self._match(nine, self.asked),
            "emotion_followed": self._match(self._nine(said.as_asked), self.carried),
        }

    def _match(self, nine: np.ndarray, asked: Sequence[tuple[str, ...]]) -> Ratio:
        """Share of replies whose strongest emotion except neutral is asked for, if any is; ``nine`` is (N, 9)."""
        wanted = [set(names) - {NINE[_NEUTRAL]} for names in asked]
        other = np.where(np.arange(len(NINE)) == _NEUTRAL, 0.0, nine)
        hits = [
            NINE[row.argmax()] in names and row.max() >= THRESHOLD for row, names in zip(other, wanted, strict=True)
        ]
        return Ratio(self._sums(hits), self._sums([bool(names) for names in wanted]))

    def _nine(self, replies: Sequence[str]) -> np.ndarray:
        """The nine emotions (N, 9) of N replies; a reply of films alone is neutral."""
        texts = [without_films(reply) for reply in replies]
        silent = np.array([not text for text in texts])[:, None]
        return np.where(silent, np.eye(len(NINE))[_NEUTRAL], self.reader.read(texts).nine)

    def _mean(self, values: Sequence[float] | np.ndarray) -> Ratio:
        return Ratio(self._sums(values), self._sums(np.ones(len(self.gold.cases))))

    def _sums(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        return np.bincount(self._owners, weights=np.asarray(values, dtype=np.float64))

    @cached_property
    def _owners(self) -> np.ndarray:
        """For each case the index of its dialogue among those that have cases."""
        return np.unique([index for index, _ in self.gold.cases], return_inverse=True)[1]

    def _by_dialogue(self, texts: Sequence[str]) -> list[list[str]]:
        owners = self._owners
        return [[texts[row] for row in np.flatnonzero(owners == index).tolist()] for index in range(owners.max() + 1)]


def template(reply: str) -> str:
    """A reply (films as ``@id``) with every film as ``<movie>``."""
    return reply_with_names(reply, lambda _: MOVIE)


@dataclass(frozen=True, slots=True)
class SacrebleuScore:
    """Corpus BLEU, 0 to 100, and the signature that names its settings."""

    score: float
    signature: str


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals were drawn: the share of resamples inside, how many there are, their seed."""

    coverage: float
    resamples: int
    seed: int


@dataclass(frozen=True, slots=True)
class ResponseEvaluation(JsonRecord):
    """Figures of one responder, or of one beside another, on the same cases.

    Attributes:
        systems: of ``responder``, of ``against`` where there is one, and of ``human`` the figures of ``FORMULAS``.
        difference: responder - against, paired; empty without ``against``.
        sacrebleu: of each responder; None without cases.
        names: of the responders.
        conditioned: which of them were trained with emotions and films in their prompt.
        n: cases.
        n_dialogues: dialogues of the cases.
        n_perplexity: cases whose human reply the perplexity is taken of.
        planned_by: the reader that the plan of emotions comes from.
        formulas: how each figure is computed.
        bootstrap: how intervals were drawn.
        split: of the corpus.
        measured_by: the reader that measured the emotions.
        independent: whether it is another one than the planner's.
    """

    systems: dict[str, Metrics]
    difference: Metrics
    sacrebleu: dict[str, SacrebleuScore | None]
    names: dict[str, str]
    conditioned: dict[str, bool]
    n: int
    n_dialogues: int
    n_perplexity: int
    planned_by: str
    formulas: dict[str, str]
    bootstrap: Resampling
    split: str
    measured_by: str
    independent: bool


def evaluate_responders(
    systems: Mapping[str, Responder],
    asked: AskedCases,
    split: str,
    emotions: IndependentEmotions,
    *,
    resamples: int = 2000,
    on_step: OnStep = lambda done, total, figures: None,
) -> ResponseEvaluation:
    """Let one responder, or two, answer the same cases and measure their replies.

    Args:
        systems: ``responder`` and, to compare with, ``against``. What is asked for is the first one's plan.
        asked: the cases, and the recommender that proposes films to all.
        split: of the corpus, where the cases come from.
        emotions: measures the emotions of replies.
        resamples: of the dialogues.
        on_step: told of progress, in replies.
    """
    first, gold = systems["responder"], asked.gold
    said = {"human": Said(gold.human, {}, gold.human)}
    for done, (name, system) in enumerate(systems.items()):

        def told(at: int, total: int, figures: Mapping[str, float], done: int = done) -> None:
            on_step(done * len(gold.cases) + at, len(systems) * len(gold.cases), figures)

        said[name] = _said(system, asked, told)
    plan, carried = first.planner.plan(gold.contexts(first.env)), first.planner.carried(gold.human)
    measure = Measure(gold, plan, carried, emotions.reader)
    statistics = {name: measure.statistics(one) for name, one in said.items()}
    statistics["human"] = {name: one for name, one in statistics["human"].items() if name not in _AGAINST_HUMAN}
    counts_BN = draw(len({index for index, _ in gold.cases}), resamples, asked.seed)
    return ResponseEvaluation(
        systems={
            name: {figure: interval(value, counts_BN) for figure, value in one.items()}
            for name, one in statistics.items()
        },
        difference=_differences(statistics, counts_BN),
        sacrebleu={name: _sacrebleu(one, gold) for name, one in said.items() if name != "human"},
        names={name: system.name for name, system in systems.items()},
        conditioned={name: system.conditioned for name, system in systems.items()},
        n=len(gold.cases),
        n_dialogues=counts_BN.shape[1],
        n_perplexity=int((next(iter(said["responder"].likelihoods.values())).words > 0).sum()),
        planned_by=first.planner.reader.name,
        formulas=FORMULAS,
        bootstrap=Resampling(COVERAGE, resamples, asked.seed),
        split=split,
        measured_by=emotions.name,
        independent=emotions.independent,
    )


def _said(system: Responder, asked: AskedCases, on_step: OnStep) -> Said:
    """Let a system answer the cases."""
    replies = as_asked = sampled_replies(system, asked, on_step)
    if system.conditioned:
        as_asked = replies_as_asked(system, asked, on_step)
    return Said(replies, human_likelihoods(system, asked.gold, asked.recommender), as_asked)


def _differences(statistics: Mapping[str, Mapping[str, Statistic]], counts_BN: np.ndarray) -> Metrics:
    if "against" not in statistics:
        return {}
    other, mine = statistics["against"], statistics["responder"]
    return {name: paired(other[name], mine[name], counts_BN)[2] for name in FORMULAS}


def _sacrebleu(said: Said, gold: GoldCases) -> SacrebleuScore | None:
    scored = text_figures.sacrebleu_score(list(map(template, said.replies)), list(map(template, gold.human)))
    return None if scored is None else SacrebleuScore(*scored)
