"""Films that dialogues name together go together; what no dialogue knows is neither good nor bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from algorithms.readers.film_affinity import UNKNOWN, FilmAffinity
from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Message, Role

NAMES = ("Saw", "It", "Hush", "Big", "Up", "Elf", "Alone")
CATALOG = Catalog(Film(number, name, 2000 + number) for number, name in enumerate(NAMES, 1))
DARK, LIGHT = (1, 2, 3), (4, 5, 6)


def dialogue(index: int, wish: str, films: tuple[int, ...]) -> Dialogue:
    said = " and ".join(f"@{film}" for film in films)
    messages = (Message(Role.SEEKER, f"Hi, {wish} please"), Message(Role.RECOMMENDER, f"See {said}"))
    return Dialogue(index, index, messages, {film: CATALOG.title(film) for film in films})


def corpus() -> list[Dialogue]:
    found = []
    for round_ in range(10):
        for wish, films in (("scary", DARK), ("funny", LIGHT)):
            left = films[round_ % 3]
            found.append(dialogue(len(found), wish, tuple(film for film in films if film != left)))
    return [*found, *(dialogue(len(found) + more, "any", ()) for more in range(25))]


AFFINITY = FilmAffinity.fit(corpus(), CATALOG)


def name(film: int) -> str:
    return CATALOG.title(film)


def test_films_named_together_go_together() -> None:
    near, far = AFFINITY.of([name(1)], [], [name(2), name(5)])
    assert near > 0.6 > 0.5 > far


def test_a_word_speaks_for_the_films_that_follow_it() -> None:
    dark, light = AFFINITY.of([], ["scary"], [name(3), name(6)])
    assert dark > 0.5 > light


def test_what_is_not_known_is_neither_good_nor_bad() -> None:
    assert AFFINITY.of([name(1)], [], [name(7), "Nothing (1900)"]) == [UNKNOWN, UNKNOWN]
    assert AFFINITY.of([], ["unheard"], [name(1)]) == [UNKNOWN]
    assert FilmAffinity.fit([], CATALOG).of([name(1)], ["scary"], [name(2)]) == [UNKNOWN]


def test_a_film_that_no_dialogue_names_is_placed_by_its_facts() -> None:
    genres = dict.fromkeys(DARK, ("horror",)) | dict.fromkeys(LIGHT, ("comedy",))
    new = [Film(8, "Moss", 2008, genres=("Horror",)), Film(9, "Moose", 2009, genres=("comedy",))]
    known = [replace(film, genres=genres.get(film.film_id, ())) for film in CATALOG]
    catalog = Catalog([*known, *new])
    affinity = FilmAffinity.fit(corpus(), catalog)
    near, far, nothing = affinity.of([name(1)], [], [catalog.title(8), catalog.title(9), name(7)])
    assert near > 0.6 > far
    assert nothing == UNKNOWN
    assert affinity.of([catalog.title(8)], [], [name(1)])[0] > 0.5 > affinity.of([catalog.title(8)], [], [name(5)])[0]


def test_the_same_dialogues_give_the_same_vectors() -> None:
    assert all(FilmAffinity.fit(corpus(), CATALOG).to_json() == AFFINITY.to_json() for _ in range(20))


def test_an_affinity_survives_json_and_is_the_same_again() -> None:
    again = FilmAffinity.from_json(FilmAffinity.fit(corpus(), CATALOG).to_json())
    asked = ([name(1)], ["scary"], [name(film) for film in range(1, 8)])
    assert again.of(*asked) == pytest.approx(AFFINITY.of(*asked))
