"""The figures that do not depend on a run's heads, each with what computes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import attrgetter

import numpy as np

from algorithms.evaluators import text_figures
from algorithms.evaluators.text_figures import ORDERS, GramCounts, word_count
from ecr_rl.evaluation.bootstrap import Distinct, Ratio
from ecr_rl.evaluation.conversations.figure_definition import (
    Definition,
    Dialogues,
    StatisticOf,
    conversation_mean,
    dialogue_mean,
    floats,
    pooled,
    replies_of,
    turn_mean,
)
from ecr_rl.evaluation.conversations.records import ConversationRecord
from envs.dialogue import Role
from envs.film_text.words import repetition

_GRAMS: Callable[[GramCounts], np.ndarray] = attrgetter("totals")
"""All n-grams."""
_REPLIES: Callable[[GramCounts], np.ndarray] = attrgetter("sentences")
"""Replies that are not empty."""


def _gold_bleu(order: int) -> StatisticOf:
    """Mean of BLEU-k over all gold contexts of all dialogues."""
    return lambda dialogues: pooled(
        [
            [text_figures.bleu(case.reply, case.reference, order) for record in records for case in record.gold]
            for records in dialogues
        ]
    )


def _distinct_grams(order: int, over: Callable[[GramCounts], np.ndarray]) -> StatisticOf:
    """Distinct n-grams over a count of each dialogue: ``_GRAMS`` or ``_REPLIES``."""

    def statistic(dialogues: Dialogues) -> Distinct:
        counts = text_figures.count_grams(replies_of(dialogues), order)
        return Distinct(counts.distinct, counts.alone, over(counts))

    return statistic


def _distinct_replies(dialogues: Dialogues) -> Distinct:
    """Distinct replies / all replies."""
    said = [Counter(replies) for replies in replies_of(dialogues)]
    holders = Counter(reply for replies in said for reply in replies)
    alone = [sum(holders[reply] == 1 for reply in replies) for replies in said]
    return Distinct(len(holders), floats(alone), floats([replies.total() for replies in said]))


def _kl_a_token(dialogues: Dialogues) -> Ratio:
    """Mean KL over all tokens of the turns where it was measured."""
    measured = [
        [(turn.kl, turn.tokens) for record in records for turn in record.turns if turn.kl is not None]
        for records in dialogues
    ]
    return Ratio(
        floats([sum(kl for kl, _ in row) for row in measured]),
        floats([sum(size for _, size in row) for row in measured]),
    )


def _information(film: bool) -> StatisticOf:
    """Mean PMI over the replies that name a film, or over the others; opening replies have no context and no PMI."""
    return lambda dialogues: pooled(
        [
            [
                turn.pmi
                for record in records
                for turn in (record.turns if record.history else record.turns[1:])
                if turn.pmi is not None and bool(turn.films) == film
            ]
            for records in dialogues
        ]
    )


def _repetition(record: ConversationRecord) -> float | None:
    """What the recommender says again, as the reward prices it a reply; None for a conversation without turns."""
    earlier = [line["text"] for line in record.history if line["role"] == Role.RECOMMENDER]
    return repetition(record.replies, earlier) if record.turns else None


def _accepted(record: ConversationRecord) -> float | None:
    """1 if the seeker accepted a film; None for a conversation without turns."""
    return float(any(turn.accepted for turn in record.turns)) if record.turns else None


def _success(record: ConversationRecord) -> float | None:
    """1 if the first film of some reply is one that the seeker liked or has seen; None where it was not asked."""
    return float(max(found) > 0) if (found := _found(record)) else None


def _reward_per_reply(record: ConversationRecord) -> float | None:
    """RDL of a conversation; None where the questionnaire was not asked."""
    return sum(found) / len(found) if (found := _found(record)) else None


def _found(record: ConversationRecord) -> list[float]:
    """The questionnaire's value of each turn's first film, for the turns that have one."""
    return [turn.found for turn in record.turns if turn.found is not None]


_PMI = "(log p(reply | context) - log p(reply)) / tokens by a language model that nothing here trained"
HELD_OUT = "Held out"
"""The heading of the held-out figures."""
_REWARD, _TEXT, _POLICY = "Reward", "Text", "Distance to the reference"

REWARD_FIGURE = Definition(
    "reward",
    "Reward",
    "sum of a turn's reward parts; mean over a dialogue's turns, then over dialogues",
    _REWARD,
    "higher",
    statistic=dialogue_mean(lambda turn: turn.reward),
)
RUBRIC_FIGURE = Definition(
    "rubric_overall_deviations",
    "Rubric's own overall",
    "the rubric measured on the text itself, which the reporting evaluator predicts; it shares its origin with the "
    "reward, since the critic learnt from its labels. In deviations as held-out overall",
    HELD_OUT,
    "higher",
)
_PEOPLE = (
    "by an evaluator that learnt from people's ratings alone: no rubric is in its ancestry, and nothing was trained or "
    "chosen by it. The ratings are the part reporting of those that people.ratings names, else of AB-ReDial's"
)
HELD_OUT_FIGURES: tuple[Definition, ...] = (
    Definition(
        "held_out_people",
        "Held-out people's score",
        f"how people would rate the reply, {_PEOPLE}; in deviations as above",
        HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_people_empathy",
        "Held-out people's empathy",
        f"how much of an emotional reaction people would see in the reply, {_PEOPLE} (which hold none of empathy: no "
        "data); in deviations as above",
        HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_pmi",
        "Held-out PMI",
        f"{_PMI}; in deviations as above. No rubric is in its ancestry",
        HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_emotion_match",
        "Held-out emotion match",
        "cosine of the nine emotions of reply and human reply, over gold contexts; in deviations as above. Emotions "
        "are read as the rubric reads them; the comparison with the human is in no label",
        HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_overall_length_matched",
        "Held-out overall, equal length",
        "intercept of the dialogues' gains in held-out overall over their differences in words a reply",
        HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_overall_like_length",
        "Held-out overall, like length",
        "gain in held-out overall over the dialogues whose words a reply differ by at most 20 % of the longer",
        HELD_OUT,
        "higher",
    ),
)
TEXT_FIGURES: tuple[Definition, ...] = (
    Definition(
        "bleu1",
        "BLEU-1",
        "ECR's: unsmoothed sentence BLEU, all weight on order 1, whitespace tokens; mean over gold contexts, "
        "an empty reply counts 0",
        _TEXT,
        "higher",
        4,
        statistic=_gold_bleu(1),
    ),
    Definition(
        "dist2",
        "DIST-2",
        "distinct / all word 2-grams over all replies of the system",
        _TEXT,
        "higher",
        4,
        statistic=_distinct_grams(2, _GRAMS),
    ),
    Definition(
        "length",
        "Length",
        "whitespace tokens a reply; mean over all replies",
        _TEXT,
        "neither",
        2,
        statistic=turn_mean(lambda turn: word_count(turn.reply)),
    ),
    Definition(
        "repetition",
        "Repetition",
        "share of a conversation's reply bigrams (words without case and punctuation) that the recommender said "
        "earlier in it; mean over conversations",
        _TEXT,
        "lower",
        4,
        statistic=conversation_mean(_repetition),
    ),
    Definition(
        "kl",
        "KL to the reference",
        "log p(policy) - log p(reference) in nats a token, on the system's own replies; mean over all tokens",
        _POLICY,
        "neither",
        4,
        statistic=_kl_a_token,
    ),
)

_MORE_TEXT, _INFORMATION, _CONVERSATION = "More text figures", "PMI, nats a token", "Conversations"

MORE_FIGURES: tuple[Definition, ...] = (
    *(
        Definition(
            f"bleu{order}",
            f"BLEU-{order}",
            f"as BLEU-1, all weight on order {order}",
            _MORE_TEXT,
            "higher",
            4,
            statistic=_gold_bleu(order),
        )
        for order in ORDERS[1:]
    ),
    *(
        Definition(
            f"dist{order}_all",
            f"DIST-{order} (all)",
            f"distinct / all word {order}-grams over all replies",
            _MORE_TEXT,
            "higher",
            4,
            statistic=_distinct_grams(order, _GRAMS),
        )
        for order in ORDERS
    ),
    *(
        Definition(
            f"dist{order}_sentences",
            f"DIST-{order} (ECR, UniCRS)",
            f"distinct word {order}-grams / replies that are not empty",
            _MORE_TEXT,
            "higher",
            statistic=_distinct_grams(order, _REPLIES),
        )
        for order in ORDERS
    ),
    Definition(
        "distinct_replies",
        "Distinct replies",
        "distinct replies / all replies of the system",
        _MORE_TEXT,
        "higher",
        statistic=_distinct_replies,
    ),
    Definition(
        "pmi_film_replies",
        "Replies that name a film",
        f"{_PMI}; mean over the replies that name a film and have a context",
        _INFORMATION,
        "higher",
        statistic=_information(film=True),
    ),
    Definition(
        "pmi_other_replies",
        "Other replies",
        "the same over the replies that name no film and have a context",
        _INFORMATION,
        "higher",
        statistic=_information(film=False),
    ),
    Definition(
        "film_replies",
        "Film replies",
        "share of replies that name a film",
        _CONVERSATION,
        "neither",
        statistic=turn_mean(lambda turn: bool(turn.films)),
    ),
    Definition(
        "accepted",
        "Accepted",
        "share of conversations in which the seeker accepted a film",
        _CONVERSATION,
        "higher",
        statistic=conversation_mean(_accepted),
    ),
    Definition(
        "turns",
        "Turns",
        "recommender turns a conversation",
        _CONVERSATION,
        "neither",
        2,
        statistic=conversation_mean(lambda record: float(len(record.turns))),
    ),
    Definition(
        "sr",
        "SR",
        "share of conversations in which the first film of some reply is one that the seeker liked or has seen",
        _CONVERSATION,
        "higher",
        statistic=conversation_mean(_success),
    ),
    Definition(
        "rdl",
        "RDL",
        "1 if the seeker liked a reply's first film + 0.5 if it has seen it, summed over a conversation's replies / "
        "their number; mean over conversations",
        _CONVERSATION,
        "higher",
        statistic=conversation_mean(_reward_per_reply),
    ),
    Definition(
        "tokens", "Tokens", "tokens a reply", _CONVERSATION, "neither", 2, statistic=turn_mean(lambda turn: turn.tokens)
    ),
    Definition(
        "cut",
        "Cut",
        "share of replies that reached the token limit before their end",
        _CONVERSATION,
        "lower",
        statistic=turn_mean(lambda turn: turn.cut),
    ),
    Definition(
        "stripped",
        "Stripped",
        "markers and titles outside slots removed, a reply",
        _CONVERSATION,
        "lower",
        statistic=turn_mean(lambda turn: turn.stripped),
    ),
)
