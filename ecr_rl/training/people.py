"""The stage that learns from people's ratings what goes into labels and critic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from algorithms.people.fitting import fit_overall_head, fit_people_model
from algorithms.people.overall_fit import OverallFit
from algorithms.readers.emotions import EmotionReader
from algorithms.readers.film_affinity import FilmAffinity
from algorithms.readers.film_table import FilmTable
from ecr_rl.labels.judging.text_readers import load_text_readers
from ecr_rl.settings import PeopleSettings
from envs.catalog import Catalog
from envs.errors import ConfigError
from envs.files import write_json
from envs.progress import OnStep
from envs.ratings.parts import groups_of, only
from envs.ratings.record import RatingSet


def build_people_model(
    sets: Sequence[RatingSet],
    catalog: Catalog,
    affinity: FilmAffinity,
    instruments: Path | None,
    settings: PeopleSettings,
    folder: Path,
    on_step: OnStep,
) -> dict[str, Any]:
    """Fit a model of people's ratings to the critic's part of them, and write it to ``folder``.

    Args:
        sets: people's ratings.
        catalog: the films.
        affinity: which films go with which.
        instruments: folder of the fitted readers; None for those that need no model.
        settings: the seed of the division, and the sets left out.
        folder: where the model goes.
        on_step: called at the start and at the end.

    Returns:
        The weights with their intervals, and the sets that they were learnt from.

    Raises:
        DataError: too few overall ratings are left.
    """
    on_step(0, 1, {})
    used = sets_learnt_from(sets, settings)
    films, emotions = FilmTable.of(catalog, affinity), load_text_readers(instruments).emotions
    model = fit_people_model(used, films, emotions, only("critic", settings.seed), settings.seed)
    counts = {each.name: len(groups_of("critic", each.groups, each.name, settings.seed)) for each in used}
    learnt = {"seed": settings.seed, "part": "critic", "sets": counts}
    replace(model, learnt_from=learnt).save(folder)
    figures = {**model.facts, "learnt_from": learnt}
    write_json(folder / "metrics.json", figures)
    on_step(1, 1, {})
    return figures


def overall_weights(
    sets: Sequence[RatingSet], films: FilmTable, readers: Sequence[EmotionReader], seed: int, on_step: OnStep
) -> dict[str, OverallFit]:
    """The weights of ``overall`` by the reader of emotions, learnt from the critic's part of the sets.

    Args:
        sets: people's ratings.
        films: the films that texts name.
        readers: of emotions; each has weights of its own.
        seed: of the division into parts.
        on_step: called with the readers done.

    Raises:
        DataError: too few overall ratings.
    """
    fits, keep = dict[str, OverallFit](), only("critic", seed)
    for done, reader in enumerate(readers):
        on_step(done, len(readers), {})
        fit = fit_overall_head(sets, films, reader, keep, seed)
        fits[reader.name] = replace(fit, facts={**fit.facts, "seed": seed, "part": "critic"})
    on_step(len(readers), len(readers), {})
    return fits


def sets_learnt_from(sets: Sequence[RatingSet], settings: PeopleSettings) -> list[RatingSet]:
    """The sets of which labels and critic may learn a part: all but ``people.without``.

    Raises:
        ConfigError: a set that is left out was not read; a slip would let the critic learn from what it is judged on.
    """
    sets_named(sets, settings.without)
    return [each for each in sets if each.name not in settings.without]


def sets_named(sets: Sequence[RatingSet], names: Sequence[str] | None) -> list[RatingSet]:
    """Those of the sets that are named; all where no names are given.

    Raises:
        ConfigError: a name that no set has.
    """
    if not names:
        return list(sets)
    known = {each.name: each for each in sets}
    unknown = [name for name in names if name not in known]
    if unknown:
        read = f"there are {', '.join(known)}. Name one of these" if known else "there are none. Name people.ratings"
        raise ConfigError(f"no ratings of {', '.join(unknown)} were read; {read}")
    return [known[name] for name in names]
