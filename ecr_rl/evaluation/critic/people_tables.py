"""The tables of a critic beside people's ratings, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator

from ecr_rl.evaluation.bootstrap import Interval
from ecr_rl.evaluation.critic.people_results import Agreement, PeopleRatings, RaterAgreement, RatingFigures
from ecr_rl.tables import NOT_DEFINED, TextTable, by_chance, shown, with_interval

OVERALL = "overall"
"""The head whose interval the overview shows; the details have those of all."""


def people_tables(people: PeopleRatings | None) -> list[TextTable]:
    """The overview and the details; none without ratings."""
    return [] if people is None else [people_overview(people), people_details(people)]


def people_overview(people: PeopleRatings) -> TextTable:
    """One row a rating: rank correlations of what costs nothing, of each head, and of one rater with the others."""
    heads = list(people.ratings[0].heads) if people.ratings else []
    rows = [
        [
            _name(figures),
            str(figures.n),
            *map(_rho, (figures.length, figures.sentiment)),
            *(_spearman(each) if head == OVERALL else _rho(each) for head, each in figures.heads.items()),
            shown(figures.raters.spearman, ".2f"),
        ]
        for figures in people.ratings
    ]
    note = f"Rank correlation with people's mean rating. {_what_is_judged(people)}"
    return TextTable("Ratings of people", note, ["rating", "n", "length", "VADER", *heads, "one rater"], rows)


def people_details(people: PeopleRatings) -> TextTable:
    """Each head and what it is held against, with intervals, beside the rubric's own score of the same head."""
    rows = [row for figures in people.ratings for row in _detailed(figures)]
    intervals = [
        one.spearman_interval
        for figures in people.ratings
        for one in (*figures.heads.values(), *figures.rubric.values(), figures.length, figures.sentiment)
    ]
    note = (
        "Rank correlation with people's mean rating, and AUC: the chance that a record above the rating's median (of "
        "EPITOME, above level 0) scores higher than another one, ties half. 95 % intervals, 1,000 resamples of "
        "dialogues or posts. One rater: each rater of a record in turn against the mean of the others. "
        f"{by_chance(intervals)}"
    )
    columns = ["rating", "by", "n", "Spearman", "AUC", "rubric, Spearman", "rubric, AUC"]
    return TextTable("Ratings of people, with intervals", note, columns, rows)


def _what_is_judged(people: PeopleRatings) -> str:
    """What the reader must know of the records: which part of a set is judged on, and what was left out."""
    whole = list(dict.fromkeys(figures.data for figures in people.ratings if figures.over == "dialogues"))
    parts = ""
    if whole:
        parts = f"{', '.join(whole)}: whole dialogues, by the mean over the recommender's turns and all their words."
    if people.reporting:
        parts += (
            f" The critic learnt from {', '.join(people.reporting)}: n counts the part alone that is kept to report."
        )
    for name, count in people.skipped.items():
        parts += f" {name}: {count} dialogues left out, whose turns are not in the corpus."
    return parts


def _name(figures: RatingFigures) -> str:
    return f"{figures.data} {figures.rating}"


def _rho(agreement: Agreement) -> str:
    return shown(agreement.spearman, ".2f")


def _detailed(figures: RatingFigures) -> Iterator[list[str]]:
    name = _name(figures)
    for head, agreement in figures.heads.items():
        rubric = figures.rubric.get(head)
        beside = [NOT_DEFINED, NOT_DEFINED] if rubric is None else _both(rubric)
        yield [name, head, str(agreement.n), *_both(agreement), *beside]
    for label, agreement in (("length", figures.length), ("VADER", figures.sentiment)):
        yield [name, label, str(agreement.n), *_both(agreement), NOT_DEFINED, NOT_DEFINED]
    yield [name, "one rater", str(figures.n), _spearman(figures.raters), NOT_DEFINED, NOT_DEFINED, NOT_DEFINED]


def _both(agreement: Agreement) -> list[str]:
    return [_spearman(agreement), _shown(agreement.auc, agreement.auc_interval)]


def _spearman(agreement: Agreement | RaterAgreement) -> str:
    return _shown(agreement.spearman, agreement.spearman_interval)


def _shown(value: float | None, bounds: tuple[float, float] | None) -> str:
    return with_interval(None if value is None or bounds is None else Interval(value, *bounds), ".2f")
