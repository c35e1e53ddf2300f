"""The features of conversations that a model uses, as columns of a matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from scipy.sparse import csr_matrix

from algorithms.recommender.features import Features
from algorithms.recommender.sparse_rows import SparseRow, sparse_row, stacked


class Vocabulary:
    """The features that a model uses, each with its column."""

    def __init__(self, names: Iterable[str]) -> None:
        """Give the features columns in this order."""
        self.columns = {name: column for column, name in enumerate(names)}

    @classmethod
    def of(cls, features: Iterable[Features], rare: int) -> Vocabulary:
        """The features that occur in at least ``rare`` conversations, sorted."""
        counts = Counter(name for each in features for name in each)
        return cls(sorted(name for name, count in counts.items() if count >= rare))

    def row(self, features: Features) -> SparseRow:
        """The row of one conversation's features; unknown features are ignored."""
        return sparse_row({self.columns[name]: value for name, value in features.items() if name in self.columns})

    def rows(self, features: Sequence[Features]) -> csr_matrix:
        """Values (N, features) float32."""
        return stacked([self.row(each) for each in features], len(self.columns))
