"""Titles in text, as people write them."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from envs.film_text.spoken_titles import speaks_of
from envs.film_text.title_finder import Title, TitleFinder

TITLES = [
    Title(1, "Alien", 1979, 9),
    Title(2, "Aliens", 1986, 8),
    Title(3, "The Conjuring", 2013, 7),
    Title(4, "Up", 2009, 6),
    Title(5, "Am\u00e9lie", 2001, 5),
    Title(6, "Schindler's List", 1993, 4),
    Title(7, "Spider-Man", 2002, 3),
    Title(8, "Frozen", 2013, 2),
    Title(9, "Les Mise\u0301rables", 2012, 1),
    Title(10, "Inception", 2010, 1),
    Title(11, "The Emperor's", 2000, 1),
    Title(12, "The Emperor", 1999, 1),
    Title(13, "It", 2017, 1),
]
FINDER = TitleFinder(TITLES)


def found(text: str) -> list[tuple[int, str]]:
    return [(span.film_id, text[span.start : span.end]) for span in FINDER.spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Conjuring's plot", [(3, "The Conjuring")]),
        ("Am\u00e9lie\u2019s ending", [(5, "Am\u00e9lie")]),
        ("Schindler\u2018s List, Schindler`s List", [(6, "Schindler\u2018s List"), (6, "Schindler`s List")]),
        ("I loved Alien's crew", []),
        ("the emperor's", [(11, "the emperor's")]),
        ("Spider\u2010Man", [(7, "Spider\u2010Man")]),
        ("Ame\u0301lie (2001) and les mis\u00e9rables", [(5, "Ame\u0301lie (2001)"), (9, "les mis\u00e9rables")]),
        (
            "\uff29\uff4e\uff43\uff45\uff50\uff54\uff49\uff4f\uff4e\uff08\uff12\uff10\uff11\uff10\uff09!",
            [(10, "\uff29\uff4e\uff43\uff45\uff50\uff54\uff49\uff4f\uff4e\uff08\uff12\uff10\uff11\uff10\uff09")],
        ),
        ("[Inception], (Inception), \u201cInception\u201d", [(10, "Inception")] * 3),
        ("Up [2009] or (Alien, 1979)", [(4, "Up [2009]"), (1, "Alien, 1979")]),
        ("It (2017 film)", [(13, "It (2017 film)")]),
        ('"Up" (2009)', [(4, '"Up" (2009)')]),
        ('I loved "Alien" and \u00abUp\u00bb', [(1, "Alien"), (4, "Up")]),
        ('"Frozen"', [(8, "Frozen")]),
        ('she said "it", and up', []),
        ("I saw it, 2017 was a year", []),
    ],
)
def test_a_title_is_found_however_it_is_spelled_and_set_off(text: str, expected: list[tuple[int, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize("title", TITLES, ids=lambda title: title.text)
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_title_is_found_in_every_form_of_unicode(title: Title, form: Any) -> None:
    text = unicodedata.normalize(form, f"I loved {title.text} ({title.year})!")
    assert found(text) == [(title.film_id, text[8:-1])]


def test_a_known_film_is_spoken_of_in_every_spelling() -> None:
    assert speaks_of("I liked Pele\u0301.", "Pel\u00e9")
    assert speaks_of("I liked Schindler\u2019s List", "Schindler's List")
    assert not speaks_of("I liked Peleus.", "Pel\u00e9")
