"""The model of people's ratings: learnt, saved, shipped, and what it gives to labels and critic."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from algorithms.people.fitting import fit_people_model
from algorithms.people.measured_parts import PARTS
from algorithms.people.model import CARD, PeopleModel, empathy
from algorithms.readers.emotions import LexiconEmotions
from algorithms.readers.film_table import FilmEntry, FilmTable
from envs.dialogue import Role, Utterance
from envs.errors import DataError, ModelError
from envs.heads import Exchange
from envs.ratings.record import RatedReply, RatingSet

FILMS = FilmTable({"The Conjuring (2013)": FilmEntry(frozenset({"horror"}), frozenset())})
ASKED = (Utterance(Role.SEEKER, "Something scary?"),)


def everyone(group: str, name: str) -> bool:
    return True


def rated(reply: str, ratings: dict[str, float], group: int) -> RatedReply:
    return RatedReply(ASKED, reply, {name: (value,) for name, value in ratings.items()}, str(group), "made:1")


def liked_and_not(count: int = 40) -> RatingSet:
    """Replies with a film, rated 5, and replies without, rated 1."""
    good = [rated(f"The Conjuring (2013) is wonderful horror, number {i}!", {"overall": 5}, i) for i in range(count)]
    bad = [rated(f"No {i}.", {"overall": 1}, count + i) for i in range(count)]
    return RatingSet("own", tuple(good + bad), ())


def felt_and_not(count: int = 40) -> RatingSet:
    """Replies with an emotional reaction and without."""
    warm = [rated(f"I am so sorry to hear that, {i} hugs.", {"reactions": 2}, i) for i in range(count)]
    cold = [rated(f"Call number {i}.", {"reactions": 0}, count + i) for i in range(count)]
    return RatingSet("posts", tuple(warm + cold), ())


def test_replies_that_people_like_score_higher(tmp_path: Path) -> None:
    model = fit_people_model([liked_and_not()], FILMS, LexiconEmotions(), everyone)
    good, bad = Exchange(ASKED, "Try The Conjuring (2013), it is great horror!"), Exchange(ASKED, "Whatever.")
    scores = model.overall_of([good, bad], FILMS)
    assert scores[0] > scores[1] + 0.2
    model.save(tmp_path)
    assert PeopleModel.load(tmp_path).overall_of([good, bad], FILMS) == pytest.approx(scores)


def test_a_cut_reply_and_an_empty_one_lose() -> None:
    model = fit_people_model([liked_and_not()], FILMS, LexiconEmotions(), everyone)
    whole = Exchange(ASKED, "The Conjuring (2013) is wonderful horror!")
    scores = model.overall_of([whole, whole, Exchange(ASKED, "")], FILMS, [False, True, False])
    assert scores[1] == pytest.approx(scores[0] / 2) and scores[2] == 0.0


def test_reactions_are_learnt_and_are_half_of_empathy(tmp_path: Path) -> None:
    model = fit_people_model([liked_and_not(), felt_and_not()], FILMS, LexiconEmotions(), everyone)
    assert model.heads == ("empathy", "overall")
    model.save(tmp_path)
    seen = PeopleModel.load(tmp_path).seen(["I am so sorry to hear that.", "Call them."], FILMS)
    assert seen is not None and seen[0] > 0.6 > 0.4 > seen[1]
    assert empathy(np.array([0.2, 0.2]), seen) == pytest.approx(0.1 + seen / 2)


def test_without_ratings_of_empathy_the_measure_stays() -> None:
    model = fit_people_model([liked_and_not()], FILMS, LexiconEmotions(), everyone)
    assert model.heads == ("overall",)
    assert empathy(np.array([0.3]), model.seen(["Hello."], FILMS)) == pytest.approx([0.3])


def test_what_is_kept_out_is_not_learnt_from() -> None:
    data = liked_and_not()
    model = fit_people_model([data], FILMS, LexiconEmotions(), lambda group, name: int(group) % 2 == 0)
    assert model.overall.facts["sets"] == {"own": 40}
    with pytest.raises(DataError, match="too few overall ratings") as raised:
        fit_people_model([data], FILMS, LexiconEmotions(), lambda group, name: False)
    assert "people.ratings" in str(raised.value)


def test_the_shipped_weights_load_for_both_readers_and_tell_their_origin() -> None:
    model = PeopleModel.shipped()
    assert set(model.facts["overall"]["sets"]) == {"ab-redial", "ab-redial-dialogues"}
    assert set(model.facts["overall"]["weights"]) == set(PARTS)
    assert sum(model.overall.weights) == pytest.approx(1.0)


def test_a_damaged_folder_is_refused_with_a_remedy(tmp_path: Path) -> None:
    PeopleModel.shipped().save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    card["overall"]["parts"].pop("film")
    (tmp_path / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="Fit it again"):
        PeopleModel.load(tmp_path)
