"""The model of people's ratings: learnt, saved, shipped, and what it gives to labels and critic."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithms.critic.critic import PEOPLE, PeopleMember
from algorithms.people.fitting import fit_people_model
from algorithms.people.measured_parts import PARTS
from algorithms.people.model import CARD, PeopleModel, with_reactions
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
    assert with_reactions(np.array([0.2, 0.2]), seen) == pytest.approx(0.1 + seen / 2)


def test_without_ratings_of_empathy_the_measure_stays() -> None:
    model = fit_people_model([liked_and_not()], FILMS, LexiconEmotions(), everyone)
    assert model.heads == ("overall",)
    assert with_reactions(np.array([0.3]), model.seen(["Hello."], FILMS)) == pytest.approx([0.3])


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
    assert (model.learnt_from["seed"], model.learnt_from["part"]) == (0, "critic")
    assert set(model.learnt_from["sets"]) == {"ab-redial", "ab-redial-dialogues"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda overall: overall["parts"].pop("film"),
        lambda overall: overall["parts"]["film"].update(weight=math.nan),
        lambda overall: overall["parts"]["film"].update(scale=0),
        lambda overall: overall.update(slope=math.inf),
        lambda overall: overall["facts"].pop("intervals"),
        lambda overall: overall.update(facts=3),
    ],
)
def test_a_damaged_card_is_refused_with_a_remedy(tmp_path: Path, damage: Callable[[dict[str, Any]], object]) -> None:
    PeopleModel.shipped().save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    damage(card["overall"])
    (tmp_path / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="Fit it again"):
        PeopleModel.load(tmp_path)


@pytest.mark.parametrize("text", ['{"a":' + "[" * 100_000, '{"sha256": [1]}', "[]", '{"emotions": '])
def test_a_card_that_is_none_is_refused_with_a_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / CARD).write_text(text)
    with pytest.raises(ModelError, match="Fit it again"):
        PeopleModel.load(tmp_path)


def test_a_critics_folder_with_a_spread_that_is_none_is_refused(tmp_path: Path) -> None:
    PeopleModel.shipped().save(tmp_path / PEOPLE)
    assert PeopleMember.load(tmp_path, {"overall": 0.1}).spread == {"overall": 0.1}
    for spread in ({"overall": math.nan}, {"empathy": 0.1}):
        with pytest.raises(ValueError, match="people's spread"):
            PeopleMember.load(tmp_path, spread)
