"""What each figure is: its formula, its unit and how it is written. The report prints these beside the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ecr_rl.evaluation.text_figures import ORDERS
from envs.heads import HEADS


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


_HEAD = "critic head in [0, 1]; mean over a dialogue's turns, then over dialogues"
_REWARD, _CRITIC, _TEXT, _POLICY = "Reward", "Critic heads", "Text", "Distance to the reference"

FIGURES: tuple[Definition, ...] = (
    Definition(
        "reward",
        "Reward",
        "sum of a turn's reward parts; mean over a dialogue's turns, then over dialogues",
        _REWARD,
        "higher",
    ),
    Definition(
        "held_out_overall",
        "Held-out overall",
        "overall score in [0, 1] of a second evaluator that PPO never saw; averaged as the reward is",
        _REWARD,
        "higher",
    ),
    *(
        Definition(head, "BLEU head" if head == "bleu" else head.capitalize(), _HEAD, _CRITIC, "higher")
        for head in HEADS
    ),
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
        "share of a dialogue's reply bigrams that occurred earlier in its replies; mean over dialogues",
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
"""The report's figures, in the order they are shown."""

_MORE_TEXT, _CONVERSATION, PARTS = "More text figures", "Conversations", "Reward parts"

MORE: tuple[Definition, ...] = (
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
        "accepted", "Accepted", "share of dialogues in which the seeker accepted a film", _CONVERSATION, "higher"
    ),
    Definition("turns", "Turns", "recommender turns a dialogue", _CONVERSATION, "neither", 2),
    Definition("tokens", "Tokens", "tokens a reply", _CONVERSATION, "neither", 2),
    Definition("cut", "Cut", "share of replies that reached the token limit before their end", _CONVERSATION, "lower"),
    Definition("stripped", "Stripped", "markers and titles outside slots removed, a reply", _CONVERSATION, "lower"),
)
"""The further figures, in the order they are shown; the reward's parts follow them."""


def part_definition(part: str) -> Definition:
    """The figure of one part of the reward, ``part_<name>``."""
    formula = "mean over a dialogue's turns, then over dialogues; the parts add up to the reward"
    return Definition(f"part_{part}", part.replace("_", " ").capitalize(), formula, PARTS, "higher")
