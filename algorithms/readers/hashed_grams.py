"""Texts as hashed n-grams: scikit-learn's vectoriser, and how much it reads of a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

LONGEST = 600
"""Characters read of a text, unless a caller says otherwise."""
_WORD_OR_STOP = r"[^\W_]+(?:['-][^\W_]+)*|[?!]"


class HashedGrams:
    """n-grams of texts in hash buckets, each text's row of length 1.

    There is nothing to learn. Hashes are MurmurHash3's, the same on every machine.
    """

    def __init__(self, buckets: int, vectorizer: HashingVectorizer) -> None:
        """Count with a vectoriser of so many buckets; ``of_words`` and ``of_characters`` make it."""
        self._buckets, self._vectorizer = buckets, vectorizer

    @classmethod
    def of_words(
        cls, buckets: int, words: str = _WORD_OR_STOP, longest: int = LONGEST, signed: bool = False
    ) -> HashedGrams:
        """Words and pairs of neighbours.

        Args:
            buckets: columns.
            words: the pattern of a word; by default, question and exclamation marks are words too.
            longest: characters read of a text.
            signed: count repeated words, and let half the words count as negative, so that words that share a bucket
                cancel out on average; otherwise a bucket is filled or not.
        """
        vectorizer = HashingVectorizer(
            preprocessor=partial(readable, longest=longest),
            token_pattern=words,
            ngram_range=(1, 2),
            n_features=buckets,
            alternate_sign=signed,
            binary=not signed,
        )
        return cls(buckets, vectorizer)

    @classmethod
    def of_characters(cls, buckets: int, sizes: tuple[int, int], longest: int = LONGEST) -> HashedGrams:
        """Runs of characters of the text with one space between words and at both ends.

        Args:
            buckets: columns.
            sizes: of the shortest and the longest run.
            longest: characters read of a text.
        """
        vectorizer = HashingVectorizer(
            preprocessor=partial(_spaced, longest=longest),
            analyzer="char",
            ngram_range=sizes,
            n_features=buckets,
            alternate_sign=False,
            binary=True,
        )
        return cls(buckets, vectorizer)

    def of(self, texts: Sequence[str]) -> csr_matrix:
        """Rows (N, buckets) of N texts; a row of zeros for a text without n-grams."""
        return csr_matrix(self._vectorizer.transform(texts) if texts else (0, self._buckets))


def readable(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text in lower case, with one form of apostrophe and no lone surrogates."""
    return text[:longest].lower().replace("\u2019", "'").encode("utf-8", "replace").decode()


def _spaced(text: str, longest: int) -> str:
    return f" {' '.join(readable(text, longest).split())} "
