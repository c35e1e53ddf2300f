"""Merge the labels of two or more judges into one data set, and measure how far the judges agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import rankdata

from algorithms.evaluators.regression_figures import pearson
from ecr_rl.labels.judging.weighing import Weighing, equal_weights, given_weights, weighted_mean
from ecr_rl.labels.storage.card import complete
from ecr_rl.labels.storage.store import (
    FACTS,
    LabelTable,
    new_folder,
    read_labels,
    schema_of,
    score_columns,
    write_labels,
)
from envs.errors import ConfigError, DataError
from envs.files import write_json

AGREEMENT = "agreement.json"
BINS = 5
NAMED = 20
"""The most keys of differing examples that are named; all are counted."""
SHARED = ("context", "reply")
"""Columns that must be equal in rows of one key. The first folder gives the other columns."""


@dataclass(frozen=True)
class _Judged:
    """One judge's label folder."""

    judge: str
    table: LabelTable
    row_of: dict[str, int]
    """Key to row."""


@dataclass(frozen=True)
class JoinedLabels:
    """The labels of several judges in one table, and the report that ``merge`` describes."""

    table: LabelTable
    report: dict[str, Any]

    def write(self, folder: Path) -> dict[str, Any]:
        """Write a complete label folder with ``agreement.json``; returns the content of ``labels.json``."""
        facts = dict(self.table.facts)
        facts["shards"] = write_labels(folder, self.table.rows, facts["run"])
        write_json(folder / AGREEMENT, self.report)
        return complete(folder, LabelTable(self.table.rows, facts))


def merge(folders: Sequence[Path], out: Path, weights: Sequence[float] = ()) -> dict[str, Any]:
    """Join folders of labels into one, as ``join`` does, and write the judges' agreement beside it.

    Args:
        folders: two or more label folders, one a judge.
        out: the folder to make.
        weights: of each judge; none: equal ones.

    Returns:
        The content of ``out/agreement.json``: ``{"judges", "weights", "joined", "alone", "rejected", "pairs"}``.
        ``weights`` has ``{"by", "shares"}``, by judge, and ``people`` where their ratings decided. ``joined`` counts
        the joined rows; ``alone``, by judge, rows that not every folder has; ``rejected`` is
        ``{"n", "named": [{"key", "column"}]}`` of the keys whose examples differ. ``pairs`` has
        ``{"judges": [a, b], "heads": {head: agreement}}`` for each pair, with the result of ``agreement``.

    Raises:
        ConfigError: fewer than two folders, or weights that do not fit them.
        DataError: a folder holds no sound labels, or no row can be joined.
        RunError: ``out`` exists.
    """
    if len(folders) < 2:
        raise ConfigError(f"{len(folders)} folder to merge; give two or more, one a judge")
    if weights and (len(weights) != len(folders) or min(weights) < 0 or not any(weights)):
        raise ConfigError(
            f"{len(weights)} weights for {len(folders)} folders: give each folder one of 0 or more, not all of them 0"
        )
    joined = join(folders, given_weights(weights) if weights else equal_weights(len(folders)))
    with new_folder(out) as folder:
        joined.write(folder)
    return joined.report


def join(folders: Sequence[Path], weighing: Weighing, names: Sequence[str] = ()) -> JoinedLabels:
    """The labels of several folders in one table.

    Rows are joined on their key, in the first folder's order; a row stays when every folder has it, with equal
    ``SHARED``. It has every head that some folder has. Its score of one is the mean of the judges that know it, by
    their weights (see ``weighted_mean``), its judge all their names, joined by a plus, its problem all of theirs where
    no judge knows any head. It is flagged where any judge flags it.

    Args:
        folders: label folders, one a judge.
        weighing: what each judge weighs.
        names: how the report calls the judges; by default their own names.

    Raises:
        DataError: a folder holds no sound labels, or no row can be joined.
    """
    judged = _read(folders, names)
    shared = [key for key in judged[0].row_of if all(key in one.row_of for one in judged)]
    differing = _differing(judged, shared)
    keys = [key for key in shared if key not in differing]
    if not keys:
        raise DataError(
            f"no example is in all of {', '.join(map(str, folders))}",
            remedy="Label the same source, count and seed by each judge",
        )
    heads = tuple(dict.fromkeys(head for one in judged for head in one.table.heads))
    known = [_aligned(one, keys, heads) for one in judged]
    report = {
        "judges": [one.judge for one in judged],
        "weights": _weights(judged, weighing),
        "joined": len(keys),
        "alone": {one.judge: len(one.row_of) - len(shared) for one in judged},
        "rejected": {
            "n": len(differing),
            "named": [{"key": key, "column": column} for key, column in list(differing.items())[:NAMED]],
        },
        "pairs": [
            {
                "judges": [judged[a].judge, judged[b].judge],
                "heads": {head: _agreement(known[a][:, i], known[b][:, i]) for i, head in enumerate(heads)},
            }
            for a, b in combinations(range(len(known)), 2)
        ],
    }
    rows = _rows(judged, keys, heads, np.stack(known), weighing.weights)
    return JoinedLabels(LabelTable(rows, _facts(judged, heads, len(keys), report)), report)


def _weights(judged: Sequence[_Judged], weighing: Weighing) -> dict[str, Any]:
    names = [one.judge for one in judged]
    people = {"people": dict(zip(names, map(asdict, weighing.people), strict=True))} if weighing.people else {}
    return {"by": weighing.by, "shares": dict(zip(names, weighing.weights, strict=True)), **people}


def agreement(first: np.ndarray, second: np.ndarray) -> dict[str, float | int | None]:
    """How far two judges agree on a head.

    Args:
        first: one judge's scores in [0, 1], shape (N,).
        second: the other's, of the same N replies.

    Returns:
        ``{"n", "pearson", "spearman", "kappa"}``; a figure is None where it is not defined (fewer than two replies, or
        a judge that always says the same).
    """
    return {
        "n": len(first),
        "pearson": pearson(first, second),
        "spearman": pearson(rankdata(first), rankdata(second)),
        "kappa": weighted_kappa(first, second),
    }


def weighted_kappa(first: np.ndarray, second: np.ndarray, bins: int = BINS) -> float | None:
    """Cohen's kappa with quadratic weights, of scores put into ``bins`` equal bins of [0, 1].

    ``1 - sum w_ij o_ij / sum w_ij e_ij`` over the bins i of the first judge and j of the second, with
    ``w_ij = (i - j)^2``, o_ij the share of replies in both bins, and e_ij the product of the bins' own shares: 1 for
    judges that always agree, 0 for chance. J. Cohen, "Weighted kappa: nominal scale agreement with provision for scaled
    disagreement or partial credit", Psychological Bulletin 70(4), 1968.

    Args:
        first: one judge's scores in [0, 1], shape (N,).
        second: the other's.
        bins: equal bins; a score of 1 belongs to the last.

    Returns:
        The figure; None where no disagreement can be expected (no reply, or both judges in one bin).
    """
    placed = [np.minimum((scores.astype(np.float64) * bins).astype(int), bins - 1) for scores in (first, second)]
    observed = np.zeros((bins, bins))
    np.add.at(observed, tuple(placed), 1.0)
    expected = np.outer(observed.sum(1), observed.sum(0)) / max(1, len(first))
    weights = np.subtract.outer(np.arange(bins), np.arange(bins)) ** 2
    chance = float((weights * expected).sum())
    return None if chance == 0 else 1.0 - float((weights * observed).sum()) / chance


def _read(folders: Sequence[Path], names: Sequence[str]) -> list[_Judged]:
    tables = [read_labels(folder) for folder in folders]
    names = names or [str(table.facts["judge"]["name"]) for table in tables]
    judged = []
    for folder, table, name in zip(folders, tables, names, strict=True):
        shown = name if names.count(name) == 1 else f"{name} ({folder})"
        judged.append(_Judged(shown, table, {key: row for row, key in enumerate(table.column("key"))}))
    return judged


def _differing(judged: Sequence[_Judged], keys: Iterable[str]) -> dict[str, str]:
    """The keys whose examples differ between the folders, each with the first column that differs."""
    columns = [{name: one.table.column(name) for name in SHARED} for one in judged]
    names = {}
    for key in keys:
        rows = [one.row_of[key] for one in judged]
        for name in SHARED:
            values = [part[name][row] for part, row in zip(columns, rows, strict=True)]
            if any(value != values[0] for value in values[1:]):
                names[key] = name
                break
    return names


def _aligned(one: _Judged, keys: Sequence[str], heads: Sequence[str]) -> np.ndarray:
    """The judge's scores of the keys, (keys, heads), NaN where unknown."""
    labels = one.table.labels
    values = labels.scores[[one.row_of[key] for key in keys]]
    unknown = np.full(len(keys), np.nan, dtype=np.float32)
    columns = [values[:, labels.heads.index(head)] if head in labels.heads else unknown for head in heads]
    return np.stack(columns, axis=1)


def _lower(judged: Sequence[_Judged], heads: Sequence[str]) -> list[str]:
    """The heads of which less is better.

    Raises:
        DataError: the folders differ on one.
    """
    lower = []
    for head in heads:
        said = {head in one.table.lower for one in judged if head in one.table.heads}
        if len(said) > 1:
            raise DataError(
                "less of this head is better in one folder and worse in another",
                file=FACTS,
                field=f"lower_is_better: {head}",
                remedy="Rename the head in one of them: these are two heads",
            )
        lower += [head] if said == {True} else []
    return lower


def _agreement(first: np.ndarray, second: np.ndarray) -> dict[str, float | int | None]:
    both = ~np.isnan(first) & ~np.isnan(second)
    return agreement(first[both], second[both])


def _facts(judged: Sequence[_Judged], heads: Sequence[str], count: int, report: dict[str, Any]) -> dict[str, Any]:
    """The content of ``labels.json`` without shards and counts."""
    names = "+".join(str(one.table.facts["judge"]["name"]) for one in judged)
    runs = [one.table.facts["run"] for one in judged]
    decided = [*runs, *map(repr, report["weights"]["shares"].values())]
    return {
        "run": hashlib.sha256("\n".join(decided).encode()).hexdigest(),
        "source": judged[0].table.facts.get("source", {}),
        "heads": list(heads),
        "lower_is_better": _lower(judged, heads),
        "judge": {"name": names, "judges": [one.table.facts["judge"] for one in judged]},
        "merged": runs,
        "agreement": report,
        "n": count,
    }


def _rows(
    judged: Sequence[_Judged], keys: Sequence[str], heads: Sequence[str], scores: np.ndarray, weights: Sequence[float]
) -> pa.Table:
    mean, known = weighted_mean(scores, weights)
    row_of = [[one.row_of[key] for key in keys] for one in judged]
    parts = [one.table.rows.take(rows) for one, rows in zip(judged, row_of, strict=True)]
    problems = zip(*(part.column("problem").to_pylist() for part in parts), strict=True)
    forms = zip(*(part.column("context_form").to_pylist() for part in parts), strict=True)
    judges = zip(*(part.column("judge").to_pylist() for part in parts), strict=True)
    schema = schema_of(heads)
    columns = {name: parts[0].column(name) for name in schema.names if name not in heads}
    columns |= score_columns(mean, known, heads)
    columns |= {
        "judge": ["+".join(names) for names in judges],
        "context_form": ["+".join(dict.fromkeys(form for form in some if form)) or None for some in forms],
        "problem": [
            None if some_known else "; ".join(problem for problem in some if problem) or None
            for some, some_known in zip(problems, np.asarray(known.any(1)), strict=True)
        ],
        "flagged": np.any([np.array(part.column("flagged").to_pylist(), bool) for part in parts], axis=0),
    }
    return pa.table(columns, schema=schema)
