"""The rubric judge: documented measurements of a reply, offline, from words, film facts and the corpus's records.

Every formula is stated at the function that computes it. In all of them ``s(n) = 1 - exp(-n)`` saturates a count,
phrases come from ``lexicon``, film titles are taken out of a text before its words are looked at, and emotions and acts
are probabilities of the readers that the judge was given: classifiers trained on GoEmotions and IARD, or stand-ins that
look for phrases. What context and reply cannot tell (the seeker's next turn, the questionnaire) is shrunk: it weighs at
most .15 of a head.

A head names its formula (``envs.heads.Head.rubric``); those of the built-in heads stand here. A formula takes the case,
what is known of the films, and the heads measured before it, by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from algorithms.people.model import PeopleModel, with_reactions
from algorithms.readers.film_affinity import FilmAffinity
from algorithms.readers.film_table import FilmTable
from ecr_rl.labels.judging import lexicon
from ecr_rl.labels.judging.injection import speaks_to_judge, without_orders
from ecr_rl.labels.judging.judge_protocol import Evidence, Labels, no_labels
from ecr_rl.labels.judging.read_text import FilmFacts, ReadText, wishes
from ecr_rl.labels.judging.text_readers import TextReaders, lexicon_readers
from ecr_rl.settings import ContextForm
from envs.builtin_heads import HEADS, heads_of
from envs.catalog import Catalog
from envs.dialogue import Role, SeekerProfile
from envs.errors import ModelError
from envs.film_text.genres import GENRE_WORD, GENRES, genre_match, genre_overlap
from envs.heads import Exchange, Head

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
    expected: float
    """The overall rating that people's ratings let expect, in [0, 1] (``algorithms.people``)."""
    seen: float | None
    """The probability that people see an emotional reaction in the reply; None without such ratings."""

    @cached_property
    def films(self) -> tuple[int, ...]:
        """The new films of the reply: those that it names and the context does not."""
        return tuple(film for film in self.evidence.films if film not in self.evidence.named)


class RubricJudge:
    """Labels replies by the formulas of its heads."""

    name = "rubric"

    def __init__(
        self,
        catalog: Catalog,
        instruments: TextReaders | None = None,
        context: ContextForm = ContextForm.RICH,
        affinity: FilmAffinity | None = None,
        heads: Sequence[Head] | None = None,
        people: PeopleModel | None = None,
    ) -> None:
        """Judge replies against the facts of these films.

        Args:
            catalog: the films.
            instruments: the readers of emotions, acts and similarity; by default those that need no model.
            context: ``plain`` leaves out the seeker's emotion and the questionnaire.
            affinity: which films go with which, learned from the train dialogues; by default nothing is known.
            heads: what is measured; by default the built-in ones.
            people: what people's ratings say of replies; by default what comes with the project.
        """
        self._films = FilmTable.of(catalog, affinity)
        self._facts, self._context = FilmFacts(catalog, affinity), context
        self._instruments = instruments or lexicon_readers()
        self._people = people or PeopleModel.shipped(self._instruments.emotions)
        self.heads = heads_of(HEADS.names()) if heads is None else tuple(heads)
        self._names, self._formulas = [head.name for head in self.heads], [head.formula for head in self.heads]
        self._judged = [head.name for head in self.heads if head.judged]
        self.provenance: Mapping[str, object] = {
            "context": context.value,
            **self._instruments.provenance,
            "people": self._people.facts,
            "heads": {head.name: head.measures for head in self.heads},
            "after_reply": {head.name: head.after_reply for head in self.heads},
        }

    def judge(self, evidence: Sequence[Evidence]) -> Labels:
        """Score N replies; a head is masked where its formula gives None, as BLEU's does of the human's own reply.

        A reply that speaks to the judge is flagged, and judged without the sentences that do. One without words and
        films has the worst score of every head that is judged.

        Raises:
            ModelError: a formula gives a number that is not finite, or none of a head that is judged.
        """
        labels = no_labels(len(evidence), self._names)
        labels.flagged[:] = [speaks_to_judge(piece.exchange.reply, self._judged) for piece in evidence]
        for row, case in enumerate(self._cases([self._shown(piece) for piece in evidence])):
            for name, value in self._measured(case).items():
                column = self._names.index(name)
                labels.values[row, column], labels.known[row, column] = value, True
        np.clip(labels.values, 0.0, 1.0, out=labels.values)
        return labels

    def _measured(self, case: Case) -> dict[str, float]:
        """The heads that are known of a case; each formula is told of those before it."""
        empty = not case.reply.words and not case.evidence.films
        values: dict[str, float] = {}
        for head, formula in zip(self.heads, self._formulas, strict=True):
            if empty and head.judged:
                values[head.name] = 0.0 if head.higher_is_better else 1.0
            elif (value := formula(case, self._facts, values)) is not None or head.judged:
                values[head.name] = _checked(head, value, case)
        return values

    def _shown(self, piece: Evidence) -> Evidence:
        """The piece as it is judged: the reply without orders, and in a plain context no questionnaire."""
        exchange = Exchange(piece.exchange.context, without_orders(piece.exchange.reply, self._judged))
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
        exchanges = [piece.exchange for piece in pieces]
        expected = self._people.overall_of(exchanges, self._films, [piece.cut for piece in pieces]).tolist()
        seen = self._people.seen([exchange.reply for exchange in exchanges], self._films)
        chances = [None] * len(pieces) if seen is None else seen.tolist()
        texts = (pieces, replies, asked, following, feelings, seeker, acts, reactions, near)
        rows = zip(*texts, expected, chances, strict=True)
        return [Case(*row) for row in rows]


def _checked(head: Head, value: float | None, case: Case) -> float:
    if value is None or not math.isfinite(value):
        reply = case.evidence.exchange.reply
        raise ModelError(
            f"head {head.name}: its formula gives {value} for {reply!r}. A head with a question has a number for every "
            "reply; one without may give None"
        )
    return value


def _last_seeker_turn(evidence: Evidence) -> str:
    context = evidence.exchange.context
    return context[-1].text if context and context[-1].role is Role.SEEKER else ""


def empathy(case: Case, facts: FilmFacts, before: Mapping[str, float]) -> float:
    """Was the seeker heard, and warmly?

    ``clip(.2 + .2 s(a) + .1 s(w) + .25 W + .1 v + .15 m - .3 [c > 0] - .3 H - .1 g)`` with a, w, c the distinct
    phrases of acknowledgement, warmth and coldness; W and H the probabilities that the reply is warm (the larger of
    warmth and care) and hostile; v VADER's compound in [-1, 1]; g = clip((superlatives + exclamation marks - 3) / 4);
    and ``m = n (2 A - 1) + p (2 B - 1) / 2``: how the reply answers the seeker's emotion, n and p the probabilities
    that the seeker's last turn is sorrowful (.5 where it states a mood) and warm, A the largest of care, sorrow and
    [a > 0], B the larger of warmth and s(a). Where people's ratings of empathy are at hand, this is half of the head;
    the other half is the probability that people see an emotional reaction in the reply.
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
    return with_reactions(clip(0.2 + heard + warm + 0.15 * answered - harsh - 0.1 * gush), case.seen)


def informativeness(case: Case, facts: FilmFacts, before: Mapping[str, float]) -> float:
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


def recommendation(case: Case, facts: FilmFacts, before: Mapping[str, float]) -> float:
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


def engagement(case: Case, facts: FilmFacts, before: Mapping[str, float]) -> float:
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


def overall(case: Case, facts: FilmFacts, before: Mapping[str, float]) -> float:
    """The overall rating that people's ratings let expect of the reply, times its fluency.

    ``f clip(level + slope sum over the parts of weight x z)``: ``algorithms.people.measured_parts`` says what the parts
    are, the card of the labels what they weigh, and ``envs.film_text.fluency`` what f is.
    """
    return case.expected


def bleu(case: Case, facts: FilmFacts, before: Mapping[str, float]) -> float | None:
    """Smoothed sentence BLEU-2 against the human's reply and those of the nearest training contexts.

    None where the reply is the human's own.
    """
    piece = case.evidence
    if piece.reference is None:
        return None
    return _sentence_bleu().sentence_score(piece.exchange.reply, [piece.reference, *piece.near]).score / 100.0


@cache
def _sentence_bleu() -> BLEU:
    return BLEU(max_ngram_order=2, smooth_method="exp", effective_order=True)
