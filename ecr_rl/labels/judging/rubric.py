"""The rubric judge: six documented measurements of a reply, offline, from words, film facts and the corpus's records.

The docstring of each function states its formula. In all of them ``s(n) = 1 - exp(-n)`` saturates a count, phrases come
from ``lexicon``, and film titles are removed from a text before its words are read. Emotions and acts are probabilities
by the judge's text readers: classifiers trained on GoEmotions and IARD, or fallbacks that look for phrases. What
context and reply do not show (the seeker's next turn, the questionnaire) weighs at most .15 of a head.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from algorithms.readers.film_affinity import FilmAffinity
from ecr_rl.labels.judging import lexicon
from ecr_rl.labels.judging.injection import speaks_to_judge, without_orders
from ecr_rl.labels.judging.judge_protocol import Evidence, Labels, no_labels
from ecr_rl.labels.judging.read_text import FilmFacts, ReadText, wishes
from ecr_rl.labels.judging.text_readers import TextReaders, lexicon_readers
from ecr_rl.settings import ContextForm
from envs.catalog import Catalog
from envs.dialogue import Role, SeekerProfile
from envs.film_text.genres import GENRE_WORD, GENRES, genre_match, genre_overlap
from envs.film_text.words import repeated_share
from envs.heads import Exchange

OVERALL_WEIGHTS = {"empathy": 0.25, "informativeness": 0.15, "recommendation": 0.25, "engagement": 0.15}
"""Weights of the other heads in ``overall``; relevance and the seeker's next turn weigh a tenth each."""
AFTERWARDS = {
    "empathy": 0.0,
    "informativeness": 0.0,
    "recommendation": 0.15,
    "engagement": 0.1,
    "overall": 0.1 + 0.25 * 0.15 + 0.15 * 0.1,
    "bleu": 1.0,
}
"""The most that a head's label depends on records outside (context, reply): next turn, questionnaire, reference."""

_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")


def saturate(count: float) -> float:
    """``1 - exp(-count)``: 0 for none, .63 for one, .86 for two."""
    return 1.0 - math.exp(-count)


def clip(value: float) -> float:
    """Clip the value to [0, 1]."""
    return min(1.0, max(0.0, value))


@dataclass(frozen=True)
class Case:
    """One piece of evidence with the measurements of its texts.

    Four fields hold probabilities by name: ``feelings`` and ``acts`` of the reply, ``seeker_feelings`` of the seeker's
    last turn, ``reaction`` of the seeker's next turn.
    """

    evidence: Evidence
    reply: ReadText
    asked: ReadText
    """The seeker's last turn; empty where the recommender opens."""
    next_turn: ReadText
    feelings: Mapping[str, float]
    seeker_feelings: Mapping[str, float]
    acts: Mapping[str, float]
    reaction: Mapping[str, float]
    relevance: float
    """Cosine of the embeddings of the reply and the seeker's last turn, clipped to [0, 1]; 0 if either is empty."""

    @cached_property
    def films(self) -> tuple[int, ...]:
        """The new films of the reply: those that it names and the context does not."""
        return tuple(film for film in self.evidence.films if film not in self.evidence.named)


class RubricJudge:
    """Labels replies by the formulas of this module."""

    name = "rubric"

    def __init__(
        self,
        catalog: Catalog,
        instruments: TextReaders | None = None,
        context: ContextForm = ContextForm.RICH,
        affinity: FilmAffinity | None = None,
    ) -> None:
        """Judge replies against the facts of these films.

        Args:
            catalog: the films.
            instruments: the readers of emotions, acts and similarity; by default those that need no model.
            context: ``plain`` leaves out the seeker's emotion and the questionnaire.
            affinity: which films go together, learned from the train dialogues; by default nothing is known.
        """
        self._facts, self._context = FilmFacts(catalog, affinity), context
        self._instruments = instruments or lexicon_readers()
        self._bleu = BLEU(max_ngram_order=2, smooth_method="exp", effective_order=True)
        self.provenance: Mapping[str, object] = {
            "context": context.value,
            **self._instruments.provenance,
            "heads": HEAD_NOTES,
            "after_reply": AFTERWARDS,
        }

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; the BLEU head is masked if the reply is the human one.

        A reply that addresses the judge is flagged, and judged without the sentences that do so.
        """
        labels = no_labels(len(evidence))
        labels.known[:, :-1] = True
        labels.flagged[:] = [speaks_to_judge(piece.exchange.reply) for piece in evidence]
        for row, case in enumerate(self._cases([self._shown(piece) for piece in evidence])):
            piece = case.evidence
            labels.values[row, :-1] = self._heads(case)
            if piece.reference is not None:
                bleu = self._bleu.sentence_score(piece.exchange.reply, [piece.reference, *piece.near])
                labels.known[row, -1] = True
                labels.values[row, -1] = bleu.score / 100.0
        np.clip(labels.values, 0.0, 1.0, out=labels.values)
        return labels

    def _heads(self, case: Case) -> tuple[float, ...]:
        if not case.reply.words and not case.evidence.films:
            return (0.0,) * len(OVERALL_WEIGHTS) + (0.0,)
        heads = {
            "empathy": empathy(case),
            "informativeness": informativeness(case, self._facts),
            "recommendation": recommendation(case, self._facts),
            "engagement": engagement(case),
        }
        return (*heads.values(), overall(case, heads))

    def _shown(self, piece: Evidence) -> Evidence:
        """The piece to judge: the reply without orders to the judge, and in a plain context no questionnaire."""
        exchange = Exchange(piece.exchange.context, without_orders(piece.exchange.reply))
        profile = piece.profile if self._context is ContextForm.RICH else SeekerProfile()
        return replace(piece, exchange=exchange, profile=profile)

    def _cases(self, pieces: Sequence[Evidence]) -> list[Case]:
        rich = self._context is ContextForm.RICH
        read = self._facts.read
        replies = [read(piece.exchange.reply, piece.films) for piece in pieces]
        asked = [read(_last_seeker_turn(piece), piece.asked) for piece in pieces]
        following = [read(piece.next_turn, ()) for piece in pieces]
        instruments = self._instruments
        feelings = instruments.feelings([reading.text for reading in replies])
        seeker = instruments.feelings([reading.text if rich else "" for reading in asked])
        acts = instruments.acts([reading.text for reading in replies])
        reactions = instruments.reactions([reading.text for reading in following])
        near = instruments.similarity([reading.text for reading in replies], [reading.text for reading in asked])
        rows = zip(pieces, replies, asked, following, feelings, seeker, acts, reactions, near, strict=True)
        return [Case(*row) for row in rows]


def _last_seeker_turn(evidence: Evidence) -> str:
    context = evidence.exchange.context
    return context[-1].text if context and context[-1].role is Role.SEEKER else ""


def empathy(case: Case) -> float:
    """Was the seeker heard, and warmly?

    ``clip(.2 + .2 s(a) + .1 s(w) + .25 W + .1 v + .15 m - .3 [c > 0] - .3 H - .1 g)`` with a, w, c the distinct
    phrases of acknowledgement, warmth and coldness; W and H the probabilities that the reply is warm (the larger of
    warmth and care) and hostile; v VADER's compound in [-1, 1]; g = clip((superlatives + exclamation marks - 3) / 4);
    and ``m = n (2 A - 1) + p (2 B - 1) / 2``: how the reply answers the seeker's emotion, n and p the probabilities
    that the seeker's last turn is sorrowful (.5 where it states a mood) and warm, A the largest of care, sorrow and
    [a > 0], B the larger of warmth and s(a).
    """
    reply, feelings, seeker = case.reply, case.feelings, case.seeker_feelings
    acknowledged = reply.count(lexicon.ACKNOWLEDGEMENT)
    gush = clip((reply.count(lexicon.GUSH) + reply.text.count("!") - 3) / 4)
    comfort = max(feelings["care"], feelings["sorrow"], float(acknowledged > 0))
    joy = max(feelings["warmth"], saturate(acknowledged))
    sorrow = max(seeker["sorrow"], float(bool(lexicon.MOOD.search(case.asked.text))) * 0.5)
    answered = sorrow * (2 * comfort - 1) + seeker["warmth"] * (2 * joy - 1) / 2
    heard = 0.2 * saturate(acknowledged) + 0.1 * saturate(reply.count(lexicon.WARMTH))
    warm = 0.25 * max(feelings["warmth"], feelings["care"]) + 0.1 * reply.sentiment
    harsh = 0.3 * (reply.count(lexicon.COLDNESS) > 0) + 0.3 * feelings["hostility"]
    return clip(0.2 + heard + warm + 0.15 * answered - harsh - 0.1 * gush)


def informativeness(case: Case, facts: FilmFacts) -> float:
    """Does the reply tell something specific, and is it right?

    ``clip(.15 [a film is named] + .45 s(max(0, r - .7 x)) + .3 s(k / 2) min(1, 2 d) / (1 + x) + .1 e)`` with e the
    probability of the act of explaining, k the distinct content words, d = k / max(6, words) their density (so that
    padding lowers the score), r and x the facts that are
    right and wrong by the catalogue, of the films named, else of those that the seeker asked about. A genre counts 1
    (.5 where the catalogue knows no genres or no film is spoken of), a person 1.5, a year outside a title 1 and a plot
    word .5 (two at most); a genre that none of the films named has counts 1 as wrong.
    """
    reply = case.reply
    focus = case.evidence.films or case.evidence.asked
    right, wrong = 0.0, 0.0
    spoken = {GENRES[word] for word in GENRE_WORD.findall(reply.text)}
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
    facts_told = 0.45 * saturate(max(0.0, right - 0.7 * wrong))
    specific = 0.3 * saturate(content / 2) * min(1.0, 2 * density) / (1 + wrong)
    return clip(0.15 * bool(case.evidence.films) + facts_told + specific + 0.1 * case.acts["explains"])


def recommendation(case: Case, facts: FilmFacts) -> float:
    """Is a film put forward, and does it suit this seeker?

    With new films, the mean over them of ``.2 + .15 form + .3 match + .1 kin + .25 affinity``. Form is 1 where the
    seeker's questionnaire likes the film, 0 where it dislikes it, else .5. Match is the share of the film's genres that
    the seeker wants, square-rooted (a film of three genres of which one is wanted still suits), 0 where one is refused,
    .5 where genres or wishes are not known. Kin is 1 where the film shares a person with a film that the seeker named,
    else the largest overlap (Jaccard) of its genres with those of one such film, .5 where the seeker named none.
    Affinity is the share of the train dialogues' mentions whose film goes less well with the films and the seeker's
    words so far (``FilmAffinity``), .5 where nothing is known of it. What the seeker wants: tastes known to the corpus
    and genres said without a negation, else the genres of the films that
    the seeker named. Without a new film: .4 for a question about tastes, an opening or a reply to a farewell (a film
    would be out of place there), .3 where it speaks of a film already named, else ``.1 + .2 q`` with q the probability
    of the act of asking.
    """
    evidence = case.evidence
    if case.films:
        wanted, unwanted = wishes(evidence, facts)
        values = []
        affinities = facts.affinity(case.films, evidence)
        for film, affinity in zip(case.films, affinities, strict=True):
            form = 1.0 if film in evidence.profile.liked else 0.0 if film in evidence.profile.disliked else 0.5
            match = _match(facts.genres((film,)), wanted, unwanted)
            kin = _kin(film, evidence.told, facts)
            values.append(0.2 + 0.15 * form + 0.3 * match + 0.1 * kin + 0.25 * affinity)
        return sum(values) / len(values)
    asks = "?" in case.reply.text and lexicon.TASTE_QUESTION.search(case.reply.text)
    opening = not evidence.exchange.context and case.reply.count(lexicon.WARMTH)
    if asks or opening or lexicon.FAREWELL.search(case.asked.text):
        return 0.4
    return 0.3 if evidence.films else 0.1 + 0.2 * case.acts["asks"]


def _match(genres: frozenset[str], wanted: frozenset[str], unwanted: frozenset[str]) -> float:
    if genres & unwanted:
        return 0.0
    if not genres or not wanted:
        return 0.5
    return genre_match(genres, wanted)


def _kin(film: int, told: Sequence[int], facts: FilmFacts) -> float:
    genres = facts.genres((film,))
    values = []
    for other in told:
        theirs = facts.genres((other,))
        if facts.people(film) & facts.people(other):
            values.append(1.0)
        elif genres and theirs:
            values.append(genre_overlap(genres, theirs))
    return max(values, default=0.5)


def engagement(case: Case) -> float:
    """Does the reply draw the seeker on?

    ``clip(.4 q + .15 s(i) + .2 s(o) + .15 a + .1 t)``: q is 0, .8 or 1 for none, one or more questions, i the phrases
    of invitation, o the content words shared with the seeker's last turn plus the films of the context named again, a
    the larger of the probabilities that the reply asks and recommends, and t the seeker's next turn,
    ``.5 s(words / 6) + .5 max(accepts, inquires)``, .5 where it is not known.
    """
    reply = case.reply
    questions = (0.0, 0.8, 1.0)[min(2, reply.text.count("?"))]
    shared = len(reply.content & case.asked.content) + len(set(case.evidence.films) & set(case.evidence.named))
    reaction = 0.5
    if case.next_turn.words:
        lively = max(case.reaction["accepts"], case.reaction["inquires"])
        reaction = 0.5 * saturate(len(case.next_turn.words) / 6) + 0.5 * lively
    drawn = 0.15 * saturate(reply.count(lexicon.INVITATION)) + 0.2 * saturate(shared)
    return clip(0.4 * questions + drawn + 0.15 * max(case.acts["asks"], case.acts["recommends"]) + 0.1 * reaction)


def overall(case: Case, heads: Mapping[str, float]) -> float:
    """The weighted mean of the four heads before, relevance and the seeker's next turn, times the reply's fluency.

    ``f (.25 empathy + .15 informativeness + .25 recommendation + .15 engagement + .1 min(1, 2 r) + .1 t)`` with r the
    cosine of reply and last turn, ``t = .5 + (accepts - rejects) / 2`` of the seeker's next turn (.5 where it is not
    known) and f as in ``fluency``.
    """
    following = 0.5
    if case.next_turn.words:
        following += (case.reaction["accepts"] - case.reaction["rejects"]) / 2
    parts = sum(OVERALL_WEIGHTS[head] * value for head, value in heads.items())
    return fluency(case) * (parts + 0.1 * min(1.0, 2 * case.relevance) + 0.1 * following)


def fluency(case: Case) -> float:
    """``1 - share of repeated bigrams``, times .5 where the reply is known to be cut.

    Else times .7 where it ends on a word that ends no sentence, and .9 where it ends without a stop.
    """
    words = case.reply.ordered
    repeated = repeated_share(list(pairwise(words)))
    if case.evidence.cut:
        return 0.5 * (1.0 - repeated)
    text = case.evidence.exchange.reply.rstrip()
    open_end = 1.0 if text[-1:] in ".?!)…:;\"'" else 0.9
    dangling = 0.7 if words and words[-1] in lexicon.DANGLING and text[-1:] not in ".?!)" else 1.0
    return (1.0 - repeated) * open_end * dangling


HEAD_NOTES = {
    "empathy": "phrases of acknowledgement, warmth and coldness, emotions of reply and seeker, VADER",
    "informativeness": "right and wrong facts of the films, content words and their density, the act of explaining",
    "recommendation": "new films against wishes, questionnaire and what goes with them; questions where none is due",
    "engagement": "questions, invitations, words taken up, acts, the seeker's next turn (a tenth)",
    "overall": "the four before, relevance (cosine), the seeker's next turn (a tenth), times fluency",
    "bleu": "smoothed sentence BLEU-2 against the human's reply and those of the 5 nearest training contexts",
}
"""How each head is measured, one line each, for the card of a label folder."""
