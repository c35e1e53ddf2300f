"""Predict films from films and words by EASE, a closed-form linear model of what co-occurs in a dialogue.

A row of ``X`` is one dialogue: 1 for each film that it names, and in further columns the seeker's words by rarity,
scaled to length ``weight``. The solution is ``B = I - P diag(1 / P_jj)`` with ``P = (X'X + r I)^-1`` and a zero
diagonal (Steck, WWW 2019, equation 8). A context ``x`` gives film ``j`` the evidence ``(x B)_j``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

import numpy as np
from scipy.linalg import get_lapack_funcs
from scipy.sparse import csr_matrix, hstack

from algorithms.readers.seeker_words import vocabulary
from algorithms.recommender.sparse_rows import SparseRow, ones, stacked

_KEPT = 300
"""Each film or word keeps its evidence for this many films, the largest by absolute value; the rest is negligible."""


class WordRows:
    """Turns a conversation's seeker words into a row of fixed length, each word weighted by its rarity."""

    def __init__(self, words: Sequence[str], rarity: np.ndarray, weight: float) -> None:
        """Keep the words and their rarities (words,); rows get the length ``weight``."""
        self.words, self.rarity, self.weight = tuple(words), rarity.astype(np.float32), weight
        self._columns = {word: column for column, word in enumerate(self.words)}

    @classmethod
    def of(cls, said: Sequence[Collection[str]], weight: float) -> WordRows:
        """The words of D dialogues that are neither rare nor common; rarity is log(D / dialogues with the word)."""
        counts = vocabulary(said)
        held = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        return cls(list(counts), np.log(max(1, len(said)) / np.maximum(1.0, held)), weight)

    def row(self, said: Iterable[str]) -> SparseRow:
        """The row of a conversation's known words; empty if it has none."""
        columns = np.array(sorted(self._columns[word] for word in said if word in self._columns), dtype=np.int64)
        values = self.rarity[columns]
        return columns, values * np.float32(self.weight / max(1e-6, float(np.linalg.norm(values))))


class DialogueRidge:
    """FilmEvidence of a context's films and words for other films."""

    def __init__(self, evidence: csr_matrix, words: WordRows) -> None:
        """Keep the solution: (films + words, films) float32, evidence of the row's film or word for the column's."""
        self.evidence, self.words = evidence, words

    @classmethod
    def fit(
        cls, named: Sequence[Collection[int]], said: Sequence[Collection[str]], films: int, ridge: float, weight: float
    ) -> DialogueRidge:
        """Solve for D dialogues.

        Args:
            named: for each dialogue, the columns of the films that it names.
            said: for each dialogue, the seeker's words (``seeker_words``).
            films: number of films.
            ridge: the penalty ``r``, which pulls evidence to 0, in dialogues.
            weight: length of a row of words.
        """
        words = WordRows.of(said, weight)
        x = stacked([ones(columns) for columns in named], films)
        known = np.flatnonzero(np.asarray(x.sum(0)).ravel())  # a film that no dialogue names has no evidence
        spoken = stacked([words.row(each) for each in said], len(words.words))
        solved = _solve(csr_matrix(hstack([x[:, known], spoken])), len(known), ridge)
        rows = np.concatenate([known, films + np.arange(len(words.words))])
        kept = np.argsort(-np.abs(solved), axis=1, kind="stable")[:, :_KEPT]
        values = np.take_along_axis(solved, kept, axis=1).ravel()
        coordinates = (np.repeat(rows, kept.shape[1]), known[kept.ravel()])
        return cls(csr_matrix((values, coordinates), shape=(films + len(words.words), films), dtype=np.float32), words)

    def of(self, named: Iterable[int], said: Iterable[str]) -> np.ndarray:
        """FilmEvidence (films,) float32 of a context that names these columns and holds these words; 0 for none."""
        films = self.evidence.get_shape()[1]
        columns, values = self.words.row(said)
        evidence_of_all = np.zeros(films, dtype=np.float32)
        # The sums are written out: for the few rows of one context a sparse product would cost more.
        starts, film_columns, evidence = self.evidence.indptr, self.evidence.indices, self.evidence.data
        for row, value in chain(((film, 1.0) for film in named), zip((films + columns).tolist(), values, strict=True)):
            part = slice(starts[row], starts[row + 1])
            evidence_of_all[film_columns[part]] += value * evidence[part]
        return evidence_of_all


def _solve(x: csr_matrix, films: int, ridge: float) -> np.ndarray:
    """Columns of ``B`` that belong to films, (columns of x, films) float32, by one Cholesky factorisation."""
    gram = np.asfortranarray((x.T @ x).toarray(), dtype=np.float32)
    gram[np.diag_indices_from(gram)] += ridge
    factorise, invert = get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failed = factorise(gram, overwrite_a=True)
    inverse, failed_too = invert(factor, overwrite_c=True)
    if failed or failed_too:
        raise ArithmeticError(f"the ridge of {ridge} is too small for {x.get_shape()[0]} dialogues to be solved")
    inverse = np.triu(inverse) + np.triu(inverse, 1).T
    solved = inverse[:, :films] / -np.diag(inverse)[:films]
    np.fill_diagonal(solved, 0.0)
    return solved
