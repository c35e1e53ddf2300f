"""What the parts measure, on replies whose order nobody would dispute."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.people.measured_parts import PARTS, PartReader
from algorithms.readers.emotions import LexiconEmotions
from algorithms.readers.film_affinity import FilmAffinity
from algorithms.readers.film_table import FilmEntry, FilmTable
from envs.dialogue import Role, Utterance
from envs.heads import Exchange

FILMS = FilmTable(
    {
        "The Conjuring (2013)": FilmEntry(frozenset({"horror"}), frozenset({"vera farmiga"})),
        "Titanic (1997)": FilmEntry(frozenset({"romance"}), frozenset({"kate winslet"})),
        "Insidious (2010)": FilmEntry(frozenset({"horror"}), frozenset({"vera farmiga"})),
    },
    FilmAffinity({}, {}),
)
SCARED = "I love scary films. Insidious (2010) was great!"


def parts(reply: str, *turns: str) -> dict[str, float]:
    """The parts of a reply to turns that alternate, the last one the seeker's."""
    roles = (Role.SEEKER, Role.RECOMMENDER)
    context = tuple(Utterance(roles[index % 2], text) for index, text in enumerate(reversed(turns)))[::-1]
    return dict(zip(PARTS, PartReader(FILMS, LexiconEmotions()).measure([Exchange(context, reply)])[0], strict=True))


@pytest.mark.parametrize(
    ("part", "better", "worse"),
    [
        ("film", "Try The Conjuring (2013).", "Try a film."),
        ("match", "Try The Conjuring (2013).", "Try Titanic (1997)."),
        ("kin", "Try The Conjuring (2013).", "Try Titanic (1997)."),
        ("facts", "The Conjuring (2013) is a horror film.", "The Conjuring (2013) is a romance."),
        ("content", "A haunted farmhouse frightens another family.", "Ok."),
        ("tone", "I love that, thank you!", "That was stupid and annoying."),
        ("tone_words", "A wonderful film!", "An awful film."),
    ],
)
def test_the_better_reply_has_more_of_a_part(part: str, better: str, worse: str) -> None:
    assert parts(better, SCARED)[part] > parts(worse, SCARED)[part]


def test_what_was_said_before_is_not_fresh() -> None:
    turns = (SCARED, "Have you seen The Conjuring (2013) yet?", "No.")
    assert parts("Have you seen The Conjuring (2013) yet?", *turns)["fresh"] == -1.0
    assert parts("Its ghosts are unlike any other.", *turns)["fresh"] == 0.0


@pytest.mark.parametrize("part", ["mood", "mood_words"])
def test_the_seekers_mood_is_read_from_its_words(part: str) -> None:
    assert parts("Ok.", "Thanks, I love it, great!")[part] > parts("Ok.", "I hate it, so annoying and boring.")[part]


def test_a_refused_genre_matches_nothing() -> None:
    assert parts("Try The Conjuring (2013).", "No horror please.")["match"] == 0.0


def test_parts_are_finite_for_any_text() -> None:
    texts = ["", " ", "\ud800", "?!" * 5000, "\u0420\u0443\u0441\u0441\u043a\u0438\u0439", "a" * 100_000]
    exchanges = [Exchange((Utterance(Role.SEEKER, text),), text) for text in texts]
    measured = PartReader(FILMS, LexiconEmotions()).measure(exchanges)
    assert measured.shape == (len(texts), len(PARTS)) and np.isfinite(measured).all()


def test_no_exchange_has_no_parts() -> None:
    assert PartReader(FILMS, LexiconEmotions()).measure([]).shape == (0, len(PARTS))
