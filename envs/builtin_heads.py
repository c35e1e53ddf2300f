"""The heads that the project brings along, and how a run finds its own.

A run's heads stand in its config (``heads``). An own one is named there as ``module:attribute``; ``docs/extending.md``
shows how to write it.
"""

from __future__ import annotations

from collections.abc import Sequence

from envs.errors import ConfigError
from envs.heads import Head
from envs.registry import Registry

HEADS: Registry[Head] = Registry(
    "head",
    {
        head.name: head
        for head in (
            Head(
                name="empathy",
                rubric="ecr_rl.labels.judging.rubric:empathy",
                measures="phrases of acknowledgement, warmth and coldness, emotions of reply and seeker, VADER; half "
                "people's reactions, where ratings of them are given",
                question="1 cold or hostile, 3 neutral, 5 hears the seeker's feelings and answers them warmly.",
                weight=0.2,
                edits={
                    "filler": "not up",
                    "other_film": "still",
                    "upper_case": "still",
                    "sympathy": "not up",
                    "popular_film": "not up",
                    "echoed": "not up",
                    "listed_words": "not up",
                },
            ),
            Head(
                name="informativeness",
                rubric="ecr_rl.labels.judging.rubric:informativeness",
                measures="right and wrong facts of the films, content words and their density, the act of explaining",
                question="1 says nothing specific, 3 names a film, 5 tells right and specific facts.",
                weight=0.2,
                edits={
                    "filler": "not up",
                    "repeated": "not up",
                    "great": "not up",
                    "upper_case": "still",
                    "exclamations": "not up",
                    "flattery": "not up",
                    "sympathy": "not up",
                    "echoed": "not up",
                    "listed_words": "not up",
                },
            ),
            Head(
                name="recommendation",
                rubric="ecr_rl.labels.judging.rubric:recommendation",
                measures="new films against wishes, questionnaire and what goes with them; questions where none is due",
                question="1 no or an unsuitable film, 3 asks for tastes or suits in part, 5 a film that suits what was "
                "asked for.",
                weight=0.2,
                after_reply=0.15,
                edits={
                    "filler": "not up",
                    "great": "still",
                    "other_film": "down",
                    "upper_case": "still",
                    "exclamations": "still",
                    "flattery": "still",
                    "sympathy": "still",
                    "popular_film": "not up",
                    "echoed": "not up",
                    "listed_words": "not up",
                },
            ),
            Head(
                name="engagement",
                rubric="ecr_rl.labels.judging.rubric:engagement",
                measures="questions, invitations, words taken up, acts, the seeker's next turn (a tenth)",
                question="1 ends the talk, 3 keeps it going, 5 draws the seeker on with a fitting question or offer.",
                weight=0.15,
                after_reply=0.1,
                edits={
                    "filler": "not up",
                    "other_film": "not up",
                    "upper_case": "still",
                    "popular_film": "not up",
                    "echoed": "not up",
                    "listed_words": "not up",
                },
            ),
            Head(
                name="overall",
                rubric="ecr_rl.labels.judging.rubric:overall",
                measures="eleven parts of the reply, weighed by people's overall ratings, times fluency",
                question="1 useless, 3 passable, 5 an excellent reply.",
                weight=0.2,
                edits={
                    "filler": "not up",
                    "repeated": "down",
                    "great": "not up",
                    "other_film": "down",
                    "upper_case": "still",
                    "exclamations": "not up",
                    "flattery": "not up",
                    "sympathy": "not up",
                    "popular_film": "not up",
                    "echoed": "not up",
                    "listed_words": "not up",
                },
            ),
            Head(
                name="bleu",
                rubric="ecr_rl.labels.judging.rubric:bleu",
                measures="smoothed sentence BLEU-2 against the human's reply and those of the 5 nearest training "
                "contexts",
                question=None,
                weight=0.05,
                title="BLEU head",
                after_reply=1.0,
            ),
        )
    },
)
"""The heads that a config can name without a module, in the order that a config without ``heads`` scores them."""


def heads_of(names: Sequence[str]) -> tuple[Head, ...]:
    """The definitions of heads.

    Args:
        names: registered names, or ``module:attribute`` for own ones; the order of every score array made of them.

    Raises:
        ConfigError: no such head, module or attribute; the attribute is no ``Head``; or two heads share a name.
    """
    heads = tuple(map(HEADS.get, names))
    for name, head in zip(names, heads, strict=True):
        if not isinstance(head, Head):
            raise ConfigError(f"head {name}: a {type(head).__name__} stands there, no envs.heads.Head")
    for index, head in enumerate(heads):
        if head.name in (other.name for other in heads[:index]):
            raise ConfigError(f"two heads are called {head.name}: {', '.join(names)}. Give one another name")
    return heads


def default_weights(heads: Sequence[Head]) -> dict[str, float]:
    """What each head weighs in the reward where nobody sets a weight."""
    return {head.name: head.weight for head in heads}
