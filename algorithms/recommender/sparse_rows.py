"""Sparse rows, one at a time or stacked into a matrix."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_matrix

SparseRow = tuple[np.ndarray, np.ndarray]
"""Columns, int64, and their values, float32."""


def sparse_row(values: Mapping[int, float]) -> SparseRow:
    """A row of values by column."""
    return np.fromiter(values, np.int64, len(values)), np.fromiter(values.values(), np.float32, len(values))


def ones(columns: Collection[int]) -> SparseRow:
    """A row of 1.0 in these columns."""
    return sparse_row(dict.fromkeys(sorted(columns), 1.0))


def stacked(rows: Sequence[SparseRow], width: int) -> csr_matrix:
    """(N, width) float32 of N rows."""
    columns, values = zip(*rows, strict=True) if rows else ((), ())
    starts = np.cumsum([0, *map(len, columns)])
    joint = (
        np.concatenate([np.zeros(0, np.float32), *values]),
        np.concatenate([np.zeros(0, np.int64), *columns]),
        starts,
    )
    return csr_matrix(joint, shape=(len(rows), width))
