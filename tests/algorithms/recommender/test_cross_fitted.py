"""The choice among recommenders of different dialogues: never one that has seen the dialogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.recommender.cross_fitted import FITS, HALVES, TRAIN, CrossFittedRecommender, halves, train_recommender
from algorithms.recommender.recommender import CARD, LEARNT_FROM
from algorithms.recommender.training import fit_recommender
from algorithms.settings.recommender import RecommenderSettings
from envs.catalog import Catalog, Film
from envs.dialogue import Dialogue, Message, Role
from envs.errors import ModelError

FILMS = Catalog([Film(number, f"Film {number}", 1990) for number in range(60)])
SETTINGS = RecommenderSettings(members=1, width=8, batch_size=8, rare=1, epochs=20, learning_rate=3e-2)


def talk(number: int) -> Dialogue:
    """A dialogue whose one film and first word nobody else names."""
    messages = (Message(Role.SEEKER, f"tell me of {'abcdefghij'[number % 10] * (3 + number // 10)}"),)
    messages += (Message(Role.RECOMMENDER, f"@{number}"), Message(Role.SEEKER, "thanks"))
    return Dialogue(number, number, messages, {number: f"Film {number}"})


TALKS = [talk(number) for number in range(40)]
LEARNT, VALID, NEW = TALKS[:24], TALKS[24:30], TALKS[30:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recommender of train and validation, with those of train alone and of its halves."""
    folder = tmp_path_factory.mktemp("recommender")
    fit_recommender([*LEARNT, *VALID], FILMS, SETTINGS).save(folder)
    for name, dialogues in {TRAIN: LEARNT, **dict(zip(HALVES, halves(LEARNT), strict=True))}.items():
        fit_recommender(dialogues, FILMS, SETTINGS).save(folder / FITS / name)
    return folder


def test_films_are_proposed_by_one_that_has_not_seen_the_dialogue(folder: Path) -> None:
    recommenders, whole = CrossFittedRecommender(folder), train_recommender(folder)
    known = [whole.propose([talk.utterances[:1]], 1)[0] == [talk.index] for talk in LEARNT]
    assert sum(known) >= 20, "a recommender that has seen these dialogues recognises them"
    for talk in TALKS:
        recommender = recommenders.for_dialogue(talk)
        assert talk.text_hash not in recommender.learnt_from
        assert recommender.propose([talk.utterances[:1]], 1)[0] != [talk.index]


def test_each_split_has_its_recommender_and_each_is_loaded_once(folder: Path) -> None:
    recommenders = CrossFittedRecommender(folder)
    of_train, of_valid, of_new = (
        {id(recommenders.for_dialogue(talk)): len(recommenders.for_dialogue(talk).learnt_from) for talk in talks}
        for talks in (LEARNT, VALID, NEW)
    )
    assert list(of_train.values()) == [12, 12]
    assert list(of_valid.values()) == [24]
    assert list(of_new.values()) == [30]
    assert train_recommender(folder).learnt_from == {talk.text_hash for talk in LEARNT}


def test_one_that_stands_alone_refuses_what_it_has_seen(folder: Path, tmp_path: Path) -> None:
    train_recommender(folder).save(tmp_path)
    alone = CrossFittedRecommender(tmp_path)
    assert alone.for_dialogue(VALID[0]) is alone.for_dialogue(NEW[0])
    with pytest.raises(ModelError, match=r"learnt from dialogue 3.*Take test dialogues"):
        alone.for_dialogue(LEARNT[3])
    assert train_recommender(tmp_path).learnt_from == train_recommender(folder).learnt_from


def test_a_folder_that_does_not_say_what_it_saw_is_refused(folder: Path, tmp_path: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    del card[LEARNT_FROM]
    (tmp_path / CARD).write_text(json.dumps(card))
    for given_folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="holds no recommender"):
            CrossFittedRecommender(given_folder)


@given(st.lists(st.integers(0, 39), max_size=60))
def test_halves_are_disjoint_equal_and_keep_equal_dialogues_together(numbers: list[int]) -> None:
    talks = [TALKS[number] for number in numbers]
    first, second = halves(talks)
    assert sorted([*first, *second], key=lambda talk: talk.index) == sorted(talks, key=lambda talk: talk.index)
    assert not {talk.text_hash for talk in first} & {talk.text_hash for talk in second}
    assert len(set(map(id, second))) - len(set(map(id, first))) in (0, 1)
    assert [talk for talk in talks if talk in first] == list(first)
