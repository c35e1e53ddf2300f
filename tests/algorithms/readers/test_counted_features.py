"""What is counted in an exchange, and the films that a text names."""

from __future__ import annotations

import numpy as np

from algorithms.readers.counted_features import NAMES, surface
from algorithms.readers.film_table import FilmTable
from envs.catalog import Catalog, Film
from envs.dialogue import Role, Utterance
from envs.heads import Exchange

FILMS = FilmTable.of(
    Catalog(
        [
            Film(1, "The Conjuring", 2013, ("horror", "mystery"), ("James Wan",)),
            Film(2, "Scary Movie", 2000, ("comedy",), ("Anna Faris",)),
            Film(3, "Insidious", 2010, ("horror",), ("James Wan",)),
            Film(4, "It", 1990, ("horror",)),
            Film(5, "Bates Motel", None, ("horror",)),
            Film(6, "Insidious", None),
        ]
    )
)


def numbers(reply: str, *said: str) -> dict[str, float]:
    context = tuple(Utterance(Role.SEEKER, text) for text in said)
    return dict(zip(NAMES, surface([Exchange(context, reply)], FILMS)[0].tolist(), strict=True))


def test_films_are_found_by_their_whole_names() -> None:
    assert FILMS.find("I saw The Conjuring (2013), then It (1990) and Nothing (1999).") == (
        "The Conjuring (2013)",
        "It (1990)",
    )
    assert FILMS.find("WATCH THE CONJURING (2013)") == ("The Conjuring (2013)",)
    assert FILMS.find("Bates Motel, or Insidious (2010)") == ("Bates Motel", "Insidious (2010)")
    assert FILMS.find("It is 1990, (2013)") == ()


def test_a_table_survives_json() -> None:
    again = FilmTable.from_json(FILMS.to_json())
    assert again["Insidious (2010)"] == FILMS["Insidious (2010)"]


def test_counts_of_a_reply() -> None:
    found = numbers("Why? Why? So good! So good!", "I feel so good")
    assert found["questions"] == 1.0
    assert found["exclamations"] == 0.5
    assert found["finished"] == 1.0
    # six words in five pairs: why-why, why-so, so-good, good-so, so-good; one pair stands twice
    np.testing.assert_allclose(found["repeated"], 3 * (1 - 4 / 5), rtol=1e-6)
    np.testing.assert_allclose(found["overlap"], 2 / 3, rtol=1e-6)


def test_a_new_film_is_held_against_what_the_seeker_said() -> None:
    suits = numbers("Watch The Conjuring (2013).", "I want horror, I liked Insidious (2010)")
    np.testing.assert_allclose(suits["match"], 0.5**0.5, rtol=1e-6)
    assert suits["person"] == 1.0
    np.testing.assert_allclose(suits["kin"], 0.5)
    refused = numbers("Watch Scary Movie (2000).", "no comedy please, some horror")
    assert (refused["match"], refused["refused"]) == (0.0, 1.0)
    # a title is no wish
    assert numbers("Watch It (1990).", "I liked Scary Movie (2000)")["match"] == 0.0
    again = numbers("Insidious (2010) again", "I liked Insidious (2010)")
    assert (again["new_films"], again["films_again"]) == (0.0, 0.5)


def test_any_text_gives_finite_numbers() -> None:
    for reply in ("", "\x00\ud800", "x" * 50_000, "¿Qué? 电影 (2013)"):
        assert np.isfinite(list(numbers(reply, reply).values())).all()
    assert surface([], FILMS).shape == (0, len(NAMES))
