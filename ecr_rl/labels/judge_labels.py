"""The labels of a run: given by one judge, or by several and joined by their weights."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ecr_rl.labels.judge_weights import RatedSample, weigh
from ecr_rl.labels.kept_labels import KeptLabels, names_of
from ecr_rl.labels.prepared_judge import PlannedLabels
from ecr_rl.labels.storage.card import complete
from ecr_rl.labels.storage.merging import join
from ecr_rl.labels.storage.store import read_labels, write_labels
from envs.catalog import Catalog
from envs.errors import ModelError
from envs.progress import OnStep, share_of

log = logging.getLogger(__name__)


def label_by_judges(
    planned: Sequence[PlannedLabels],
    kept: KeptLabels,
    sample: RatedSample | None,
    catalog: Catalog,
    folder: Path,
    on_step: OnStep,
) -> dict[str, Any]:
    """Write a complete label folder: one judge's labels as they are, or those of several as their weighted mean.

    Args:
        planned: J judges, and the same examples for each.
        kept: where each judge's labels are, and stay.
        sample: rated replies by which the judges are weighed; None where the settings do that, or nothing does.
        catalog: the films.
        folder: the label folder; may hold other files.
        on_step: called with the progress, in replies of all judges.

    Returns:
        The content of ``labels.json``.

    Raises:
        ModelError: a judge is of no use, or none agrees with people.
    """
    _try(planned, kept)
    rated = 0 if sample is None else len(sample.replies) * len(planned)
    total, done = rated + sum(len(one.plan.rows) for one in planned), rated
    weighing = weigh(planned, kept, sample, catalog, share_of(on_step, 0, rated, total))
    folders = []
    for one in planned:
        rows = len(one.plan.rows)
        folders.append(kept.label(one, share_of(on_step, done, rows, total)))
        done += rows
    if len(folders) > 1:
        return join(folders, weighing, names_of(planned)).write(folder)
    table = read_labels(folders[0])
    shards = write_labels(folder, table.rows, table.facts["run"])
    return complete(folder, replace(table, facts={**table.facts, "shards": shards}))


def _try(planned: Sequence[PlannedLabels], kept: KeptLabels) -> None:
    """Let each judge that has labelled nothing yet score a few replies, and refuse one that is of no use."""
    for one in planned:
        tried = None if kept.begun(one.plan) else one.try_judge()
        if tried is None:
            continue
        log.info("%s", tried.line(len(one.plan.rows)))
        if tried.refusal:
            raise ModelError(
                f"the judge {one.judge.settings.judge} is refused: {tried.refusal}. Choose another model, reading or "
                "prompt (labels.model, labels.reading, labels.prompt). To take it all the same, label with ecr-rl "
                "label --force, and set labels.folder"
            )
