"""Heads: the qualities that a reply is scored on, one definition each, and what is judged.

Whatever holds scores holds the names of their heads beside them. ``envs.builtin_heads`` defines those that the project
brings along.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from envs.dialogue import Utterance
from envs.errors import ConfigError, ModelError
from envs.registry import Registry

Formula = Callable[[Any, Any, Mapping[str, float]], float | None]
"""Measures a head: takes the rubric's ``Case``, its ``FilmFacts``, and the heads measured before, by name.

It returns a number, which is held to [0, 1], or, of a head without a question, None where it is not known.
"""
Move = Literal["still", "not up", "down"]
"""What an edit of a reply should do to a head; ``not up`` allows it to fall."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FORMULAS: Registry[Formula] = Registry("rubric function")


@dataclass(frozen=True)
class Head:
    """One quality that replies are scored on, in [0, 1].

    Attributes:
        name: its key wherever scores are kept (columns, metrics, reward weights): lower-case letters, digits and
            underscores.
        rubric: the formula that measures it: a function, or the ``module:attribute`` where one stands.
        measures: what the formula looks at, in one line, for the card of a label folder.
        question: what 1, 3 and 5 mean, for a language model that judges. None: the head is measured beside a human
            reply, such as BLEU, and is no matter of opinion; language models and evaluators leave it out.
        weight: in the reward, where the settings name no weights.
        higher_is_better: False turns the head's sign in the reward, and what a change means in the report.
        title: its name for a reader; by default the name with a capital.
        after_reply: the most that a label moves by what context and reply do not hold: the seeker's next turn, the
            questionnaire, a reference.
        edits: what edits of a reply should do to the head, by their names in
            ``ecr_rl.evaluation.critic.sensitivity``; what is left out may move it.
    """

    name: str
    rubric: Formula | str
    measures: str
    question: str | None
    weight: float = 0.0
    higher_is_better: bool = True
    title: str = ""
    after_reply: float = 0.0
    edits: Mapping[str, Move] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse a name that cannot be a key, and set the title."""
        if not _NAME.fullmatch(self.name) or self.name in RESERVED:
            taken = "; a figure, a column or a part of the reward has that name" if self.name in RESERVED else ""
            raise ConfigError(
                f"no head can be called {self.name!r}{taken}. Take lower-case letters, digits and underscores"
            )
        if not self.title:
            object.__setattr__(self, "title", self.name.capitalize())

    @property
    def judged(self) -> bool:
        """Whether it is a matter of opinion, which judges and evaluators give of every reply."""
        return self.question is not None

    @property
    def formula(self) -> Formula:
        """The rubric's function.

        Raises:
            ConfigError: ``rubric`` names a module or attribute that is not there.
        """
        return _FORMULAS.get(self.rubric) if isinstance(self.rubric, str) else self.rubric


RESERVED = frozenset(
    {
        # columns of a label folder
        *("key", "split", "dialogue", "turn", "kind", "temperature", "context", "reply", "reference", "judge"),
        *("context_form", "problem", "flagged"),
        # parts of a turn's reward, and its metrics
        *("random", "length", "missing_end", "repetition", "verbosity", "markup", "acceptance", "turns"),
        *("mean", "net_reward"),
        # figures of a report; the held-out ones without their prefix
        *("reward", "pmi", "emotion_match", "overall_length_matched", "overall_like_length", "kl", "tokens", "cut"),
        *(f"bleu{order}" for order in range(1, 5)),
        *(f"dist{order}{over}" for order in range(1, 5) for over in ("", "_all", "_sentences")),
        *("distinct_replies", "pmi_film_replies", "pmi_other_replies", "film_replies", "accepted", "stripped"),
        *("sr", "rdl"),
    }
)
"""Names that no head can have: others stand beside heads in label columns, reward parts, metrics and reports."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a reward model judges: the turns so far and the reply to them, both with films as titles."""

    context: tuple[Utterance, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class HeadScores:
    """Scores of N exchanges.

    Attributes:
        mean: (N, heads) in [0, 1].
        spread: (N, heads); 0 for one member.
        heads: the names of the columns.
        lower: those of them of which less is better.

    Raises:
        ModelError: ``mean`` and ``spread`` have not one column for each head.
    """

    mean: np.ndarray
    spread: np.ndarray
    heads: tuple[str, ...]
    lower: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Check the shapes."""
        wanted = (len(self.mean), len(self.heads))
        if self.mean.shape != wanted or self.spread.shape != wanted:
            raise ModelError(
                f"scores of shape {self.mean.shape} and {self.spread.shape}, not {wanted}, of {', '.join(self.heads)}"
            )


class RewardModel(Protocol):
    """Judges exchanges; the trained critic is one."""

    def score(self, exchanges: Sequence[Exchange]) -> HeadScores:
        """Score N exchanges in one batch; row i belongs to exchange i."""
        ...
