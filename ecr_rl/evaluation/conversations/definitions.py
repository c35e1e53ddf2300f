"""What each figure is: its formula, its unit and how it is written. The report prints these beside the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from algorithms.evaluators.text_figures import ORDERS
from envs.heads import Head


@dataclass(frozen=True)
class Definition:
    """One figure.

    Attributes:
        name: its key in the report's JSON.
        label: its name for a reader.
        formula: what is computed, over what.
        group: the heading it stands under.
        better: the direction that is an improvement; ``neither`` where a change alone is neither.
        decimals: digits after the point that are worth reading.
    """

    name: str
    label: str
    formula: str
    group: str
    better: Literal["higher", "lower", "neither"]
    decimals: int = 3


_PMI = "(log p(reply | context) - log p(reply)) / tokens by a language model that nothing here trained"
_HEAD = "critic head in [0, 1]; mean over a dialogue's turns, then over dialogues"
_REWARD, _HELD_OUT, _CRITIC, _TEXT, _POLICY = "Reward", "Held out", "Critic heads", "Text", "Distance to the reference"

REWARD_FIGURE = Definition(
    "reward",
    "Reward",
    "sum of a turn's reward parts; mean over a dialogue's turns, then over dialogues",
    _REWARD,
    "higher",
)
_HELD_OUT_FIGURES = (
    Definition(
        "held_out_pmi",
        "Held-out PMI",
        f"{_PMI}; in deviations as above. No rubric is in its ancestry",
        _HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_emotion_match",
        "Held-out emotion match",
        "cosine of the nine emotions of reply and human reply, over gold contexts; in deviations as above. Emotions "
        "are read as the rubric reads them; the comparison with the human is in no label",
        _HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_overall_length_matched",
        "Held-out overall, equal length",
        "intercept of the dialogues' gains in held-out overall over their differences in words a reply",
        _HELD_OUT,
        "higher",
    ),
    Definition(
        "held_out_overall_like_length",
        "Held-out overall, like length",
        "gain in held-out overall over the dialogues whose words a reply differ by at most 20 % of the longer",
        _HELD_OUT,
        "higher",
    ),
)
_TEXT_FIGURES = (
    Definition(
        "bleu1",
        "BLEU-1",
        "ECR's: unsmoothed sentence BLEU, all weight on order 1, whitespace tokens; mean over gold contexts, "
        "an empty reply counts 0",
        _TEXT,
        "higher",
        4,
    ),
    Definition("dist2", "DIST-2", "distinct / all word 2-grams over all replies of the system", _TEXT, "higher", 4),
    Definition("length", "Length", "whitespace tokens a reply; mean over all replies", _TEXT, "neither", 2),
    Definition(
        "repetition",
        "Repetition",
        "share of a conversation's reply bigrams that occurred earlier in its replies; mean over conversations",
        _TEXT,
        "lower",
        4,
    ),
    Definition(
        "kl",
        "KL to the reference",
        "log p(policy) - log p(reference) in nats a token, on the system's own replies; mean over all tokens",
        _POLICY,
        "neither",
        4,
    ),
)

_SECOND, _RUBRIC, _MORE_TEXT = "Reporting evaluator", "Rubric", "More text figures"
_INFORMATION, _CONVERSATION, PARTS = "PMI, nats a token", "Conversations", "Reward parts"

_MORE_FIGURES = (
    *(
        Definition(f"bleu{order}", f"BLEU-{order}", f"as BLEU-1, all weight on order {order}", _MORE_TEXT, "higher", 4)
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
        )
        for order in ORDERS
    ),
    Definition(
        "distinct_replies",
        "Distinct replies",
        "distinct replies / all replies of the system",
        _MORE_TEXT,
        "higher",
    ),
    Definition(
        "pmi_film_replies",
        "Replies that name a film",
        f"{_PMI}; mean over the replies that name a film and have a context",
        _INFORMATION,
        "higher",
    ),
    Definition(
        "pmi_other_replies",
        "Other replies",
        "the same over the replies that name no film and have a context",
        _INFORMATION,
        "higher",
    ),
    Definition("film_replies", "Film replies", "share of replies that name a film", _CONVERSATION, "neither"),
    Definition(
        "accepted", "Accepted", "share of conversations in which the seeker accepted a film", _CONVERSATION, "higher"
    ),
    Definition("turns", "Turns", "recommender turns a conversation", _CONVERSATION, "neither", 2),
    Definition(
        "sr",
        "SR",
        "share of conversations in which the first film of some reply is one that the seeker liked or has seen",
        _CONVERSATION,
        "higher",
    ),
    Definition(
        "rdl",
        "RDL",
        "1 if the seeker liked a reply's first film + 0.5 if it has seen it, summed over a conversation's replies / "
        "their number; mean over conversations",
        _CONVERSATION,
        "higher",
    ),
    Definition("tokens", "Tokens", "tokens a reply", _CONVERSATION, "neither", 2),
    Definition("cut", "Cut", "share of replies that reached the token limit before their end", _CONVERSATION, "lower"),
    Definition("stripped", "Stripped", "markers and titles outside slots removed, a reply", _CONVERSATION, "lower"),
)


def main_figures(heads: Sequence[Head]) -> tuple[Definition, ...]:
    """The report's figures of a run that scores these heads, in the order they are shown."""
    judged = sorted(_judged(heads), key=lambda head: head.name != "overall")
    formula = (
        "the head by the reporting evaluator, which PPO never saw; mean over the turns of a dialogue's conversations, "
        "in standard deviations of the baseline's dialogues around the baseline's mean"
    )
    return (
        REWARD_FIGURE,
        *(_of_head(head, f"held_out_{head.name}", f"Held-out {head.name}", formula, _HELD_OUT) for head in judged),
        *_HELD_OUT_FIGURES,
        *(_of_head(head, head.name, head.title, _HEAD, _CRITIC) for head in heads),
        *_TEXT_FIGURES,
    )


def more_figures(heads: Sequence[Head]) -> tuple[Definition, ...]:
    """The further figures, in the order they are shown; the reward's parts follow them."""
    second = "score in [0, 1]; mean over the turns of a dialogue's conversations, then over dialogues"
    rubric = "the rubric measured on the text itself, in [0, 1]; averaged as above"
    return (
        *(
            _of_head(head, f"second_{head.name}", f"{head.title}, reporting evaluator", second, _SECOND)
            for head in _judged(heads)
        ),
        *(_of_head(head, f"rubric_{head.name}", f"{head.title}, rubric", rubric, _RUBRIC) for head in _judged(heads)),
        *_MORE_FIGURES,
    )


def _judged(heads: Iterable[Head]) -> list[Head]:
    return [head for head in heads if head.judged]


def _of_head(head: Head, name: str, label: str, formula: str, group: str) -> Definition:
    return Definition(name, label, formula, group, "higher" if head.higher_is_better else "lower")


def part_definition(part: str) -> Definition:
    """The figure of one part of the reward, ``part_<name>``."""
    formula = "mean over a dialogue's turns, then over dialogues; the parts add up to the reward"
    return Definition(f"part_{part}", part.replace("_", " ").capitalize(), formula, PARTS, "higher")
