from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.catalog import Catalog, Film, split_name
from envs.errors import DataError

FILMS = (
    Film(1, "The Conjuring", 2013, ("horror", "mystery", "thriller"), ("James Wan",), mentions=9),
    Film(2, "It", 2017, ("horror",), mentions=90),
    Film(3, "Frozen", 2010, mentions=2),
    Film(4, "Frozen", 2013, mentions=200),
    Film(5, "Mission: Impossible", 1996),
    Film(6, "Star Wars", 1977, mentions=5),
    Film(7, "Star Wars: Episode VIII \u2013 The Last Jedi", 2017),
    Film(8, "Malèna", 2000),
    Film(9, "Mr. & Mrs. Smith", 2005),
    Film(10, "Awesome", 2008),
    Film(11, "The One", 2001),
    Film(12, "", 2015),
    Film(13, "Them!", 1954),
    Film(14, "Okja"),
    Film(15, "9/11", 2017),
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(FILMS)


def test_a_catalog_is_a_collection_by_id(catalog: Catalog):
    assert len(catalog) == 15
    assert 3 in catalog and 99 not in catalog
    assert catalog.ids == tuple(range(1, 16))
    assert [film.film_id for film in catalog] == list(catalog.ids)
    assert Catalog(reversed(FILMS)).ids == catalog.ids
    assert catalog[4].title == "Frozen"


def test_names_and_descriptions(catalog: Catalog):
    assert catalog.title(1) == "The Conjuring (2013)"
    assert catalog.title(14) == "Okja"
    assert catalog.title(12) == "(2015)"
    assert catalog.describe(1) == "The Conjuring (2013), horror, mystery"
    assert catalog.describe(14) == "Okja"


def test_an_unknown_film_is_an_error_that_names_it(catalog: Catalog):
    for lookup in (catalog.title, catalog.describe, catalog.__getitem__):
        with pytest.raises(DataError, match="film 99 is not in the catalogue"):
            lookup(99)


def test_two_films_of_one_id_are_refused():
    with pytest.raises(DataError, match="film 2 stands in the catalogue twice"):
        Catalog([Film(1, "A"), Film(2, "B"), Film(2, "C")])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Super Troopers (2001)", ("Super Troopers", 2001)),
        ("Heat  (1995)", ("Heat", 1995)),
        ("American Pie ", ("American Pie", None)),
        (" (2015)", ("", 2015)),
        ("2001: A Space Odyssey", ("2001: A Space Odyssey", None)),
        ("1941 (1979)", ("1941", 1979)),
        ("Okja\uff082017\uff09", ("Okja", 2017)),
    ],
)
def test_a_name_splits_into_title_and_year(name: str, expected: tuple[str, int | None]):
    assert split_name(name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See @1!", "See The Conjuring (2013)!"),
        ("@2 and @14", "It (2017) and Okja"),
        ("See @99 , or @1.", "See, or The Conjuring (2013)."),
        ("glued@14and", "glued Okja and"),
        ("no film, me@home", "no film, me@home"),
    ],
)
def test_render_puts_names_in_the_place_of_mentions(catalog: Catalog, text: str, expected: str):
    assert catalog.render(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("have you seen the conjuring", [1]),
        ("THE CONJURING (2013) and then The Conjuring", [1]),
        ("It is late, I liked it", []),
        ("It (2017) is scary", [2]),
        ("I saw frozen", [4]),
        ("Frozen (2010) is about a ski lift, Frozen is not", [3, 4]),
        ("mission impossible", [5]),
        ("star wars", [6]),
        ("Star Wars: Episode VIII - The Last Jedi (2017)", [7]),
        ("star wars, then malena", [6, 8]),
        ("mr & mrs smith, or Mr. and Mrs. Smith", [9]),
        ("That is awesome. Awesome!", []),
        ("I watched Awesome (2008)", [10]),
        ("I watched Awesome yesterday", [10]),
        ("you are the one", []),
        ("with Jet Li in The One", [11]),
        ("Them! (1954)", [13]),
        ("I wish. The star! Wars end.", []),
        ("the conjurings", []),
        ("Frozen-Anne, un-frozen", []),
        ("9/11 was sad", []),
        ("film @1 and @2017", []),
        ("", []),
    ],
)
def test_find_sees_titles_as_people_write_them(catalog: Catalog, text: str, expected: list[int]):
    assert catalog.find(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Watch The Conjuring (2013), it is great", ("Watch, it is great", 1)),
        ("Frozen (1999) or star wars?", ("or?", 2)),
        ("I saw The Conjuring's end", ("I saw end", 1)),
        ("Nothing  here.", ("Nothing  here.", 0)),
        ("How about <movie>? Or Frozen!", ("How about <movie>? Or!", 1)),
    ],
)
def test_strip_titles_removes_and_counts_them(catalog: Catalog, text: str, expected: tuple[str, int]):
    assert catalog.strip_titles(text) == expected


WORDS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzäéABCXYZ'-:&!. 0123456789"), min_size=1, max_size=24)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    titles = draw(st.lists(WORDS.filter(lambda title: any(c.isalnum() for c in title)), min_size=1, max_size=8))
    return Catalog(Film(i, " ".join(title.split()), 1950 + i) for i, title in enumerate(titles))


@given(catalogs(), st.data())
def test_a_rendered_mention_is_found_again(catalog: Catalog, data: st.DataObject):
    film_id = data.draw(st.sampled_from(catalog.ids))
    text = catalog.render(f"; @{film_id} ;")
    assert "@" not in text
    assert film_id in catalog.find(text)


@given(catalogs(), st.text(max_size=60))
def test_any_text_is_searched_and_stripped(catalog: Catalog, text: str):
    found = catalog.find(text)
    stripped, count = catalog.strip_titles(text)
    assert set(found) <= set(catalog.ids)
    assert len(found) <= count
    assert (stripped == text) == (count == 0)


@given(st.text(st.characters(exclude_characters="@"), max_size=80))
def test_text_without_mentions_renders_to_itself(text: str):
    assert Catalog(FILMS).render(text) == text


@given(st.lists(st.integers(0, 30), max_size=6))
def test_render_names_every_known_film_and_no_other(ids: list[int]):
    catalog = Catalog(FILMS)
    text = catalog.render(" / ".join(f"@{film_id}" for film_id in ids))
    for film in FILMS:
        assert text.count(film.name) >= ids.count(film.film_id)
    assert "@" not in text


def test_find_stays_fast_with_thousands_of_titles():
    catalog = Catalog(Film(i, f"The {chr(97 + i % 26)}{i} Story of Word{i % 97}", 1900 + i % 120) for i in range(7000))
    text = "Hello there, what kind of films do you like? The a26 Story of Word26 (1926) was great fun last night. " * 2
    assert catalog.find(text) == [26]
    start = time.perf_counter()
    for _ in range(200):
        catalog.find(text)
    assert (time.perf_counter() - start) / 200 < 0.005


def test_titles_become_mentions_and_back() -> None:
    catalog = Catalog([Film(1, "Alien", 1979), Film(2, "The Conjuring", 2013)])
    linked = catalog.link("I saw Alien (1979), the conjuring, and @2.")
    assert linked == "I saw @1, @2, and @2."
    assert catalog.render(linked) == "I saw Alien (1979), The Conjuring (2013), and The Conjuring (2013)."
    assert catalog.link("nothing here") == "nothing here"
