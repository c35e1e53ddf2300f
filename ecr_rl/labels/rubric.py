"""The rubric judge: six documented measurements of a reply, offline, from words, film facts and the corpus's records.

Every formula is stated at the function that computes it. In all of them ``s(n) = 1 - exp(-n)`` saturates a count,
phrases come from ``lexicon``, and film titles are taken out of a text before its words are looked at. What only the
future of the dialogue tells (the seeker's next turn) weighs at most a tenth of a head, since context and reply do not
hold it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from ecr_rl.labels import lexicon
from ecr_rl.labels.evidence import Evidence, Labels
from ecr_rl.labels.reading import FilmFacts, Reading, wishes
from envs.catalog import Catalog
from envs.dialogue import Role
from envs.heads import HEADS

OVERALL_WEIGHTS = {"empathy": 0.3, "informativeness": 0.15, "recommendation": 0.3, "engagement": 0.15}
"""Weights of the other heads in ``overall``; the remaining tenth is the seeker's next turn."""

_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")


def saturate(count: float) -> float:
    """``1 - exp(-count)``: 0 for none, .63 for one, .86 for two."""
    return 1.0 - math.exp(-count)


def clip(value: float) -> float:
    """The value held to [0, 1]."""
    return min(1.0, max(0.0, value))


@dataclass(frozen=True)
class Case:
    """One piece of evidence with its texts read once."""

    evidence: Evidence
    reply: Reading
    asked: Reading
    """The seeker's last turn; empty where the recommender opens."""
    next_turn: Reading

    @cached_property
    def films(self) -> tuple[int, ...]:
        """Films that the reply brings in: those it names and the context does not."""
        return tuple(film for film in self.evidence.films if film not in self.evidence.named)


class RubricJudge:
    """Labels replies by the formulas of this module."""

    name = "rubric"

    def __init__(self, catalog: Catalog) -> None:
        """Judge replies against the facts of these films."""
        self._facts = FilmFacts(catalog)
        self._bleu = BLEU(max_ngram_order=2, smooth_method="exp", effective_order=True)

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; the BLEU head is masked where the reply is the human's own."""
        values = np.zeros((len(evidence), len(HEADS)), dtype=np.float32)
        known = np.ones(values.shape, dtype=bool)
        for row, piece in enumerate(evidence):
            values[row, :-1] = self._heads(piece)
            known[row, -1] = piece.reference is not None
            if piece.reference is not None:
                values[row, -1] = self._bleu.sentence_score(piece.exchange.reply, [piece.reference]).score / 100.0
        return Labels(values.clip(0.0, 1.0), known)

    def _heads(self, evidence: Evidence) -> tuple[float, ...]:
        case = self._read(evidence)
        if not case.reply.words and not evidence.films:
            return (0.0,) * len(OVERALL_WEIGHTS) + (0.0,)
        heads = {
            "empathy": empathy(case),
            "informativeness": informativeness(case, self._facts),
            "recommendation": recommendation(case, self._facts),
            "engagement": engagement(case),
        }
        return (*heads.values(), overall(case, heads))

    def _read(self, evidence: Evidence) -> Case:
        context = evidence.exchange.context
        last = context[-1].text if context and context[-1].role is Role.SEEKER else ""
        return Case(
            evidence,
            self._facts.read(evidence.exchange.reply, evidence.films),
            self._facts.read(last, evidence.asked),
            self._facts.read(evidence.next_turn, ()),
        )


def empathy(case: Case) -> float:
    """Was the seeker heard, and warmly?

    ``clip(.25 + .3 s(a) + .2 s(w) + .15 v + m - .4 [c > 0] - .1 g)`` with a, w, c the distinct phrases of
    acknowledgement, warmth and coldness, v VADER's compound in [-1, 1], g = clip((superlatives + exclamation marks - 3)
    / 4), and m = +.1 where the seeker's last turn states a mood and the reply acknowledges it, -.1 where it does not,
    else 0.
    """
    reply = case.reply
    acknowledged = reply.count(lexicon.ACKNOWLEDGEMENT)
    mood = 0.0
    if lexicon.MOOD.search(case.asked.text):
        mood = 0.1 if acknowledged else -0.1
    gush = clip((reply.count(lexicon.GUSH) + reply.text.count("!") - 3) / 4)
    warm = 0.3 * saturate(acknowledged) + 0.2 * saturate(reply.count(lexicon.WARMTH)) + 0.15 * reply.sentiment
    return clip(0.25 + warm + mood - 0.4 * (reply.count(lexicon.COLDNESS) > 0) - 0.1 * gush)


def informativeness(case: Case, facts: FilmFacts) -> float:
    """Does the reply tell something specific, and is it right?

    ``clip(.15 [a film is named] + .5 s(max(0, r - .7 x)) + .35 s(k / 2) min(1, 2 d) / (1 + x))`` with k the distinct
    content words, d = k / max(6, words) their density (so that padding lowers the score), r and x the facts that are
    right and wrong by the catalogue, of the films named, else of those that the seeker asked about. A genre counts 1
    (.5 where the catalogue knows no genres or no film is spoken of), a person 1.5, a year outside a title 1 and a plot
    word .5 (two at most); a genre that none of the films named has counts 1 as wrong.
    """
    reply = case.reply
    focus = case.evidence.films or case.evidence.asked
    right, wrong = 0.0, 0.0
    spoken = {lexicon.GENRES[word] for word in lexicon.GENRE_WORD.findall(reply.text)}
    genres = facts.genres(focus)
    if genres:
        right += len(spoken & genres)
        wrong += len(spoken - genres) if case.evidence.films else 0
    else:
        right += 0.5 * len(spoken)
    right += 1.5 * facts.people_named(focus, reply)
    if focus:
        years = {int(match.group()) for match in _YEAR.finditer(reply.text)}
        right += len(years & facts.years(focus))
    right += 0.5 * min(2, len(reply.content & facts.plot_words(focus)))
    content = len(reply.content)
    density = content / max(6, len(reply.words))
    facts_told = 0.5 * saturate(max(0.0, right - 0.7 * wrong))
    specific = 0.35 * saturate(content / 2) * min(1.0, 2 * density) / (1 + wrong)
    return clip(0.15 * bool(case.evidence.films) + facts_told + specific)


def recommendation(case: Case, facts: FilmFacts) -> float:
    """Is a film put forward, and does it suit this seeker?

    With new films, the mean over them of ``.1 + .4 form + .5 match``: form is 1 where the seeker's questionnaire likes
    the film, 0 where it dislikes it, else .5; match is 1 where a genre of the film is among those that the seeker
    wants, 0 where none is or one is disliked, .5 where genres or wishes are not known. What the seeker wants: tastes
    known to the corpus and genres said without a negation, else the genres of the films that the seeker named.
    Without a new film: .4 for a question about tastes, an opening or a reply to a farewell (a film would be out of
    place there), .3 where it speaks of a film already named, else .15.
    """
    evidence = case.evidence
    if case.films:
        wanted, unwanted = wishes(evidence, facts)
        values = []
        for film in case.films:
            form = 1.0 if film in evidence.profile.liked else 0.0 if film in evidence.profile.disliked else 0.5
            values.append(0.1 + 0.4 * form + 0.5 * _match(facts.genres((film,)), wanted, unwanted))
        return sum(values) / len(values)
    asks = "?" in case.reply.text and lexicon.TASTE_QUESTION.search(case.reply.text)
    opening = not evidence.exchange.context and case.reply.count(lexicon.WARMTH)
    if asks or opening or lexicon.FAREWELL.search(case.asked.text):
        return 0.4
    return 0.3 if evidence.films else 0.15


def _match(genres: frozenset[str], wanted: frozenset[str], unwanted: frozenset[str]) -> float:
    if genres & unwanted:
        return 0.0
    if not genres or not wanted:
        return 0.5
    return 1.0 if genres & wanted else 0.0


def engagement(case: Case) -> float:
    """Does the reply draw the seeker on?

    ``clip(.45 q + .2 s(i) + .25 s(o) + .1 t)``: q is 0, .8 or 1 for none, one or more questions, i the phrases of
    invitation, o the content words shared with the seeker's last turn plus the films of the context named again, and t
    the seeker's next turn, ``.5 s(words / 6) + .5 [it asks or is positive (VADER > .3)]``, .5 where it is not known.
    """
    reply = case.reply
    questions = (0.0, 0.8, 1.0)[min(2, reply.text.count("?"))]
    shared = len(reply.content & case.asked.content) + len(set(case.evidence.films) & set(case.evidence.named))
    reaction = 0.5
    if case.next_turn.words:
        lively = "?" in case.next_turn.text or case.next_turn.sentiment > 0.3
        reaction = 0.5 * saturate(len(case.next_turn.words) / 6) + 0.5 * lively
    return clip(
        0.45 * questions + 0.2 * saturate(reply.count(lexicon.INVITATION)) + 0.25 * saturate(shared) + 0.1 * reaction
    )


def overall(case: Case, heads: dict[str, float]) -> float:
    """The weighted mean of the four heads before and the seeker's next turn, times the reply's fluency.

    ``f (.3 empathy + .15 informativeness + .3 recommendation + .15 engagement + .1 (v + 1) / 2)`` with v VADER's
    compound of the seeker's next turn (0 where it is not known) and f as in ``fluency``.
    """
    following = (case.next_turn.sentiment + 1) / 2
    return fluency(case) * (sum(OVERALL_WEIGHTS[head] * value for head, value in heads.items()) + 0.1 * following)


def fluency(case: Case) -> float:
    """``(1 - share of repeated bigrams) x .7 [ends on a word that ends no sentence] x .9 [ends without a stop]``."""
    words = case.reply.ordered
    bigrams = list(pairwise(words))
    repeated = 1.0 - len(set(bigrams)) / len(bigrams) if bigrams else 0.0
    text = case.evidence.exchange.reply.rstrip()
    open_end = 1.0 if text[-1:] in ".?!)…:;\"'" else 0.9
    dangling = 0.7 if words and words[-1] in lexicon.DANGLING and text[-1:] not in ".?!)" else 1.0
    return (1.0 - repeated) * open_end * dangling
