"""A recommender's answer to a dialogue that a person wrote: the best films, with the reasons for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from algorithms.recommender.occlusion import reasons
from algorithms.recommender.scorer import FilmScorer, log_shares, ranked
from ecr_rl.labels.storage.store import read_turn, write_turn
from envs.catalog import Catalog
from envs.dialogue import Role, Utterance, mentioned_films, named_films
from envs.errors import DataError
from envs.inputs.text import as_said


def read_dialogue(text: str, catalog: Catalog) -> tuple[Utterance, ...]:
    """Read the turns of a text: a line with ``seeker:`` or ``recommender:`` begins one, other lines continue it.

    Text before the first such line is the seeker's. Film titles become ``@id``. Half of a surrogate pair, as of an
    argument that is no UTF-8, becomes U+FFFD.

    Raises:
        DataError: an ``@id`` is not in the catalogue.
    """
    turns: list[Utterance] = []
    for line in filter(None, map(str.strip, as_said(text).splitlines())):
        try:
            turns.append(read_turn(line))
        except ValueError:
            last = turns.pop() if turns else Utterance(Role.SEEKER, "")
            turns.append(replace(last, text=f"{last.text} {line}".strip()))
    unknown = next((film for turn in turns for film in mentioned_films(turn.text) if film not in catalog), None)
    if unknown is not None:
        raise DataError(f"the recommender knows no film @{unknown}", remedy="Write its title, or leave it out.")
    return tuple(replace(turn, text=catalog.link(turn.text)) for turn in turns)


def answer(scorer: FilmScorer, context: Sequence[Utterance], count: int) -> dict[str, Any]:
    """The best films that the context does not name, each with its reasons.

    Returns:
        ``dialogue``: the turns as they were read, with titles; ``films``: for each film ``film_id``, ``title``,
        ``year``, ``genres``, ``log_share`` (of the catalogue, in nats), and the ``mentions`` and ``words`` that speak
        for it, each with the ``drop`` of the log-share when it is left out.
    """
    catalog, ids = scorer.catalog, np.array(scorer.catalog.ids, dtype=np.int64)
    shares = log_shares(scorer.scores([context]))
    best = ranked(shares, ids, count, [named_films(context)])[0]
    rows = []
    for film, reason in zip(best, reasons(scorer, context, best), strict=True):
        entry = catalog[film]
        rows.append(
            {
                "film_id": film,
                "title": entry.title,
                "year": entry.year,
                "genres": list(entry.genres),
                "log_share": float(shares[0, np.searchsorted(ids, film)]),
                "mentions": [
                    {"film_id": named, "title": catalog.title(named), "drop": drop} for named, drop in reason.films
                ],
                "words": [{"word": word, "drop": drop} for word, drop in reason.words],
            }
        )
    turns = [write_turn(replace(turn, text=catalog.render(turn.text))) for turn in context]
    return {"dialogue": turns, "films": rows}
