"""How likely films are liked: by their own questionnaires, and by what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from algorithms.recommender.liking import fit_liking
from envs.catalog import Catalog, Film
from envs.dialogue import Answer, Dialogue, Feedback

CATALOG = Catalog(Film(film, f"Film {film}") for film in (10, 20, 30, 40, 50))
FACTS = csr_matrix(np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0, 0]], dtype=np.float32))
"""Films 10 and 30 share a genre, 20 and 40 another."""


def judged(**films: Answer) -> Dialogue:
    form = {int(film.removeprefix("film")): Feedback(liked=answer) for film, answer in films.items()}
    return Dialogue(None, 0, (), {}, form)


DIALOGUES = [judged(film10=Answer.YES, film20=Answer.NO, film99=Answer.YES)] * 20 + [judged(film50=Answer.UNSAID)]


def test_a_film_that_all_dislike_is_below_one_that_all_like() -> None:
    ten, twenty, thirty, forty, fifty = fit_liking(DIALOGUES, CATALOG, FACTS)
    assert ten > 1 and twenty < -1
    assert ten > thirty > fifty > forty > twenty, "an unjudged film is told by its genre"


def test_it_is_the_minimum_of_its_loss() -> None:
    """Without facts, the gradient of a film's weight is 0: answers x (probability - share liked) + 5 x weight."""
    none = csr_matrix((5, 1), dtype=np.float32)
    odds = fit_liking([*DIALOGUES, judged(film10=Answer.NO)], CATALOG, none)
    rest = odds[4]  # the constant: nobody judged this film
    for odd, answers, liked in ((odds[0], 21, 20), (odds[1], 20, 0)):
        assert answers / (1 + np.exp(-odd)) - liked + 5.0 * (odd - rest) == pytest.approx(0.0, abs=1e-2)


def test_without_any_answer_all_films_are_alike() -> None:
    assert fit_liking([], CATALOG, FACTS) == pytest.approx(np.zeros(5))
