"""One spelling of a text, and the way back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.film_text.folding import fold, folded


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("Am\u00e9lie", "Amelie"),
        ("Ame\u0301lie", "Amelie"),
        ("\uff21\uff4c\uff49\uff45\uff4e\uff08\uff11\uff09", "Alien(1)"),
        ("Schindler\u2019s", "Schindler's"),
        ("Spider\u2011Man", "Spider-Man"),
        ("Bl\u00f8d, \u00c6on Flux", "Blod, AEon Flux"),
        ("In\u00adcep\u200btion", "Inception"),
        ("8\u00bd", "8 1\u20442"),
        ("plain", "plain"),
    ],
)
def test_many_spellings_become_one(text: str, spelling: str) -> None:
    assert fold(text) == spelling


def test_a_range_leads_back_to_the_text_with_its_accents() -> None:
    text = "un Pele\u0301!"
    spelling = folded(text)
    start = spelling.text.index("Pele")
    assert text[slice(*spelling.span(start, start + 4))] == "Pele\u0301"


@given(st.text(max_size=40))
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(st.text(min_size=1, max_size=40))
def test_every_range_lies_in_the_text(text: str) -> None:
    spelling = folded(text)
    for index in range(len(spelling.text)):
        start, end = spelling.span(index, index + 1)
        assert 0 <= start < end <= len(text)
