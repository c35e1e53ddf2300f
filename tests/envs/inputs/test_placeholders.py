"""Placeholders in tables are no names."""

from __future__ import annotations

import pytest

from envs.inputs.placeholders import film_name, genre_names, person_names, plot_text

PLACEHOLDERS = ["", " ", "-", "\\N", "\\n", "N/A", "n/a", "none", "Unknown", "NaN", "(no genres listed)", "null"]
PLACEHOLDERS += [
    "n.a.",
    "not specified",
    "no genre listed",
    "\uff2e\uff0f\uff21",
    "Genre unknown",
    "No overview found.",
    "Plot is unknown",
]


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_a_placeholder_is_no_genre_no_person_and_no_plot(placeholder: str) -> None:
    assert genre_names([placeholder, "drama"]) == ["drama"]
    assert person_names([placeholder, "Na Hong-jin"]) == ["Na Hong-jin"]
    assert plot_text(placeholder) == ""


def test_genres_are_split_stripped_and_in_lower_case_once() -> None:
    assert genre_names([" Action ", "action|Comedy", "Drama, Sci-Fi"]) == ["action", "comedy", "drama", "sci-fi"]


def test_entities_of_an_export_of_an_export_and_what_no_one_sees_part_no_genre() -> None:
    assert genre_names(["Rock &amp;amp; Roll", "dra\u200bma\ufeff", "drama"]) == ["rock & roll", "drama"]
    # Names and plots are read once, so that a label folder's film facts come back as they were.
    assert person_names(["Tom &amp;amp; Co"]) == ["Tom &amp; Co"]
    assert plot_text("Love &amp;lt; war") == "Love &lt; war"


def test_people_keep_their_commas_and_have_one_form() -> None:
    assert person_names(["Robert Downey, Jr.", "Zoe\u0308  Kravitz|Tom &amp; Co", "Zoë Kravitz"]) == [
        "Robert Downey, Jr.",
        "Zoë Kravitz",
        "Tom & Co",
    ]


def test_unknown_is_a_film_and_a_dash_is_none() -> None:
    assert [film_name(name) for name in ("Unknown  (2011)", "None", "\\N", " - ", "n/a")] == [
        "Unknown (2011)",
        "None",
        "",
        "",
        "",
    ]
