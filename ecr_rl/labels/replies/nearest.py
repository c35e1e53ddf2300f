"""Find human replies to similar contexts, as further references for the BLEU of a reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from algorithms.readers.sentences import SentenceEncoder, WordSentences
from ecr_rl.labels.replies.examples import Example
from ecr_rl.labels.replies.made_replies import Kind

NEAR = 5
"""The number of further references of a reply, without the human reply to the same context."""
_TURNS = 2
"""The number of last turns of a context that are compared."""
_BATCH = 1024


class NearestReplies:
    """Finds the training contexts whose last turns are most similar to an example's, by cosine."""

    def __init__(self, examples: Sequence[Example], sentences: SentenceEncoder | None = None) -> None:
        """Search the human replies of these training examples; by default hashed words are compared."""
        self._known = [example for example in examples if example.kind is Kind.HUMAN]
        self._sentences = sentences or WordSentences()
        self._vectors_KW = self._embed(self._known)
        self._dialogues = np.array([example.dialogue for example in self._known])

    def fill(self, examples: Sequence[Example], of_training: bool) -> list[Example]:
        """Fill ``Evidence.near`` of the examples with a BLEU label, whose reply is not the human one.

        Args:
            examples: N examples.
            of_training: whether they are of the training dialogues; a dialogue is then never its own neighbour.
        """
        filled = list(examples)
        wanted = [row for row, example in enumerate(filled) if example.evidence.reference is not None]
        for first in range(0, len(wanted), _BATCH):
            rows = wanted[first : first + _BATCH]
            for row, indices in zip(rows, self._nearest([filled[row] for row in rows], of_training), strict=True):
                near = tuple(self._known[index].evidence.exchange.reply for index in indices)
                filled[row] = replace(filled[row], evidence=replace(filled[row].evidence, near=near))
        return filled

    def _nearest(self, examples: Sequence[Example], of_training: bool) -> np.ndarray:
        """Indices (N, at most NEAR) of the nearest, nearest first; ties by index."""
        if not self._known:
            return np.zeros((len(examples), 0), dtype=np.int64)
        cosines = self._embed(examples) @ self._vectors_KW.T
        if of_training:
            own = np.array([example.dialogue for example in examples])
            cosines[own[:, None] == self._dialogues[None]] = -2.0
        return np.argsort(-cosines, axis=1, kind="stable")[:, :NEAR]

    def _embed(self, examples: Sequence[Example]) -> np.ndarray:
        contexts = (example.evidence.exchange.context[-_TURNS:] for example in examples)
        return self._sentences.embed([" ".join(turn.text for turn in turns) for turns in contexts])
