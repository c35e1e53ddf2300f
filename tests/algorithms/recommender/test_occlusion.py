"""What speaks for a film is what its share falls without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from algorithms.recommender.occlusion import reasons
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance, named_films


class Rules:
    """Film 2 goes with film 1, film 3 with the word "scary" and against "dogs"."""

    catalog = Catalog(Film(film, f"Film {film}") for film in (1, 2, 3))

    def __init__(self) -> None:
        self.calls = 0

    def scores(self, contexts: Sequence[Sequence[Utterance]]) -> np.ndarray:
        self.calls += 1
        texts = [" ".join(turn.text for turn in context).lower() for context in contexts]
        liked = [2.0 * (1 in named_films(context)) for context in contexts]
        words = [1.0 * ("scary" in text) - ("dogs" in text) for text in texts]
        rows = [[0.0, *row] for row in zip(liked, words, strict=True)]
        return np.array(rows, dtype=np.float32)


def test_mentions_and_words_are_told_by_the_fall_they_cause() -> None:
    scorer = Rules()
    context = [Utterance(Role.SEEKER, "Scary dogs, scary as @1"), Utterance(Role.RECOMMENDER, "@1? @12?")]
    second, third = reasons(scorer, context, [2, 3])
    assert scorer.calls == 1
    assert [film for film, _ in second.films] == [1]
    whole, without = np.exp([0.0, 2.0, 0.0]), np.exp([0.0, 0.0, 0.0])
    assert second.films[0][1] == pytest.approx(np.log(whole[1] / whole.sum()) - np.log(without[1] / without.sum()))
    assert [word for word, _ in third.words] == ["scary"], "what speaks against a film is no reason for it"


def test_a_context_without_words_gives_no_reason() -> None:
    assert reasons(Rules(), [], [2])[0] == reasons(Rules(), [Utterance(Role.SEEKER, "?!")], [2])[0]
