"""Heads, the qualities that replies are scored on, each with one definition; and the exchange that is judged.

Every set of scores also holds the names of its heads. ``envs.builtin_heads`` defines the heads that come with the
project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from envs.dialogue import Role, Utterance
from envs.errors import ConfigError, ModelError
from envs.registry import Registry

Formula = Callable[[Any, Any, Mapping[str, float]], float | None]
"""Measures a head: takes the rubric's ``Case``, its ``FilmFacts``, and the heads measured before, by name.

It returns a number, which is clipped to [0, 1]. For a head without a question it may return None: not known.
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
        rubric: the formula that measures it: a function, or its ``module:attribute``.
        measures: what the formula measures, in one line, for the card of a label folder.
        question: what 1, 3 and 5 mean, for a language model that judges. None for a head that compares with a human
            reply, such as BLEU; language models and evaluators leave it out, since it is no matter of opinion.
        weight: its weight in the reward if the settings name no weights.
        higher_is_better: False reverses the head's sign in the reward, and the meaning of a change in the report.
        title: its name for a reader; by default the name with a capital.
        after_reply: the most that a label depends on records outside context and reply: the seeker's next turn, the
            questionnaire, a reference.
        edits: the expected effects of edits of a reply on the head, by the edits' names in
            ``ecr_rl.evaluation.sensitivity.edits``; edits that are not named may change it.
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
        """Whether it is a matter of opinion, which judges and evaluators score for every reply."""
        return self.question is not None

    @property
    def formula(self) -> Formula:
        """The rubric's function.

        Raises:
            ConfigError: ``rubric`` names a module or attribute that does not exist.
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
        # figures of a report; the held-out ones without their prefix, the rubric's own with and without
        *("reward", "pmi", "emotion_match", "overall_length_matched", "overall_like_length", "kl", "tokens", "cut"),
        *("people", "people_empathy"),
        *(f"bleu{order}" for order in range(1, 5)),
        *(f"dist{order}{over}" for order in range(1, 5) for over in ("", "_all", "_sentences")),
        *("rubric_overall_deviations", "overall_deviations"),
        *("distinct_replies", "pmi_film_replies", "pmi_other_replies", "film_replies", "accepted", "stripped"),
        *("sr", "rdl"),
    }
)
"""Names that no head can have, since label columns, reward parts, metrics or reports use them for something else."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a reward model judges: the turns so far and the reply to them, both with films as titles."""

    context: tuple[Utterance, ...]
    reply: str

    @property
    def last_turn(self) -> str:
        """The text of the turn before the reply; empty where the reply opens."""
        return self.context[-1].text if self.context else ""

    @property
    def last_seeker_turn(self) -> str:
        """The text of the seeker's latest turn, whoever spoke since; empty if it has not spoken."""
        return next((turn.text for turn in reversed(self.context) if turn.role is Role.SEEKER), "")

    @property
    def earlier_replies(self) -> tuple[str, ...]:
        """The texts of the recommender's turns before the reply."""
        return tuple(turn.text for turn in self.context if turn.role is Role.RECOMMENDER)


@dataclass(frozen=True, slots=True)
class HeadScores:
    """Scores of N exchanges.

    Attributes:
        mean: (N, heads) in [0, 1].
        spread: (N, heads); 0 for one member, NaN where nothing measured how far a head's scores are off.
        heads: the names of the columns.
        lower: names of those heads of which less is better.
        without_labels: names of heads that the model should have learnt and has no column for, since none of its
            training examples had a label.

    Raises:
        ModelError: ``mean`` or ``spread`` does not have one column for each head.
    """

    mean: np.ndarray
    spread: np.ndarray
    heads: tuple[str, ...]
    lower: frozenset[str] = frozenset()
    without_labels: tuple[str, ...] = ()

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
