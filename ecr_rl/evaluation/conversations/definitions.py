"""The figures of a report, in the order they are shown: those of the project, of the run's heads, and from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ecr_rl.evaluation.conversations.builtin_figures import (
    HELD_OUT,
    HELD_OUT_FIGURES,
    MORE_FIGURES,
    REWARD_FIGURE,
    RUBRIC_FIGURE,
    TEXT_FIGURES,
)
from ecr_rl.evaluation.conversations.figure_definition import Definition, StatisticOf, dialogue_mean
from ecr_rl.evaluation.conversations.records import TurnRecord
from ecr_rl.named_parts import FIGURES
from envs.errors import ConfigError
from envs.heads import Head

_HEAD = "critic head in [0, 1]; mean over a dialogue's turns, then over dialogues"
_CRITIC, _REPORTING, _RUBRIC, _PARTS = "Critic heads", "Reporting evaluator", "Rubric", "Reward parts"
_PART = "part_"


def main_figures(heads: Sequence[Head]) -> tuple[Definition, ...]:
    """The report's figures of a run that scores these heads, in the order they are shown."""
    judged = sorted(_judged(heads), key=lambda head: head.name != "overall")
    formula = (
        "the head by the reporting evaluator, which PPO never saw; it predicts the labels of the judge that the critic "
        "learnt from, on other dialogues. Mean over the turns of a dialogue's conversations, then over dialogues, less "
        "the baseline's mean, in standard deviations of one conversation of the baseline"
    )
    held_out = [
        _of_head(head, f"held_out_{head.name}", f"Held-out {head.name}", formula, HELD_OUT, None) for head in judged
    ]
    return (
        REWARD_FIGURE,
        *held_out[:1],
        RUBRIC_FIGURE,
        *held_out[1:],
        *HELD_OUT_FIGURES,
        *(
            _of_head(head, head.name, head.title, _HEAD, _CRITIC, dialogue_mean(head_score(head.name)))
            for head in heads
        ),
        *TEXT_FIGURES,
    )


def more_figures(heads: Sequence[Head], own: Sequence[Definition] = ()) -> tuple[Definition, ...]:
    """The further figures, in the order they are shown; the reward's parts follow them.

    Args:
        heads: that the run scores.
        own: figures from outside, from ``own_figures``; they stand last.
    """
    second = "score in [0, 1]; mean over the turns of a dialogue's conversations, then over dialogues"
    rubric = "the rubric measured on the text itself, in [0, 1]; averaged as above"
    judges = (
        ("second", "reporting evaluator", second, _REPORTING, reporting_score),
        ("rubric", "rubric", rubric, _RUBRIC, rubric_score),
    )
    return (
        *(
            _of_head(
                head, f"{key}_{head.name}", f"{head.title}, {judge}", formula, group, dialogue_mean(score(head.name))
            )
            for key, judge, formula, group, score in judges
            for head in _judged(heads)
        ),
        *MORE_FIGURES,
        *own,
    )


def own_figures(names: Sequence[str], heads: Sequence[Head]) -> tuple[Definition, ...]:
    """The figures from outside that ``evaluation.figures`` names.

    Args:
        names: ``module:attribute`` each.
        heads: that the run scores.

    Raises:
        ConfigError: one is not there, is no ``Definition`` with a statistic, or has the name of another figure.
    """
    own: list[Definition] = []
    taken = {figure.name for figure in (*main_figures(heads), *more_figures(heads))}
    for name in names:
        figure = FIGURES.get(name)
        if not isinstance(figure, Definition) or figure.statistic is None:
            raise ConfigError(f"figure {name}: a {type(figure).__name__} stands there, no Definition with a statistic")
        if figure.name in taken or figure.name.startswith(_PART):
            raise ConfigError(f"figure {name}: there is a figure {figure.name!r} already. Give yours another name")
        taken.add(figure.name)
        own.append(figure)
    return tuple(own)


def part_definition(part: str) -> Definition:
    """The figure of one part of the reward, ``part_<name>``."""
    formula = "mean over a dialogue's turns, then over dialogues; the parts add up to the reward"
    # A part that a turn does not name paid nothing there.
    statistic = dialogue_mean(lambda turn: turn.parts.get(part, 0.0))
    label = part.replace("_", " ").capitalize()
    return Definition(f"{_PART}{part}", label, formula, _PARTS, "higher", statistic=statistic)


def head_score(head: str) -> Callable[[TurnRecord], float | None]:
    """Reads the critic's score of a head off a turn."""
    return lambda turn: turn.heads.get(head)


def reporting_score(head: str) -> Callable[[TurnRecord], float | None]:
    """Reads the reporting evaluator's score of a head off a turn."""
    return lambda turn: turn.held_out.get(head)


def people_score(head: str) -> Callable[[TurnRecord], float | None]:
    """Reads the score of a head by the evaluator of people off a turn."""
    return lambda turn: turn.people.get(head)


def rubric_score(head: str) -> Callable[[TurnRecord], float | None]:
    """Reads the rubric's own score of a head off a turn."""
    return lambda turn: turn.rubric.get(head)


def _judged(heads: Iterable[Head]) -> list[Head]:
    return [head for head in heads if head.judged]


def _of_head(head: Head, name: str, label: str, formula: str, group: str, statistic: StatisticOf | None) -> Definition:
    better = "higher" if head.higher_is_better else "lower"
    return Definition(name, label, formula, group, better, statistic=statistic)
