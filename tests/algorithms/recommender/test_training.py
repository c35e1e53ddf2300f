"""What is learnt from a dialogue, by hand; what each part changes; and corpora that lack something."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from algorithms.recommender.recommender import Recommender
from algorithms.recommender.training import Aims, Example, fit_recommender
from algorithms.settings.recommender import Part, RecommenderSettings
from envs.catalog import Catalog, Film
from envs.corpora.embedded.sample import sample_corpus
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role, Utterance, mentioned_films
from envs.errors import DataError

S, R = Role.SEEKER, Role.RECOMMENDER
TINY = RecommenderSettings(members=1, width=8, batch_size=32, rare=2)
DIALOGUES, CATALOG = sample_corpus(40)


def dialogue(*messages: tuple[Role, str], **answers: Answer) -> Dialogue:
    films = {film for _, text in messages for film in mentioned_films(text)}
    form = {int(film.removeprefix("film")): Feedback(liked=answer) for film, answer in answers.items()}
    return Dialogue(None, 0, tuple(Message(*each) for each in messages), {film: f"Film {film}" for film in films}, form)


TALK = dialogue(
    (S, "I liked @1 and Film 2"),
    (R, "Try @2"),
    (R, "or @3 ?"),
    (S, "@2 was boring"),
    (R, "Then @4 , like @1"),
    film1=Answer.YES,
    film2=Answer.NO,
    film3=Answer.UNSAID,
)
COLUMNS = {1: 0, 2: 1, 3: 2, 4: 3}


def told(examples: Iterable[Example]) -> list[tuple[str, dict[int, float]]]:
    return [(" / ".join(turn.text for turn in each.context), dict(each.targets)) for each in examples]


def aims(**changes: object) -> Aims:
    return Aims(COLUMNS, RecommenderSettings().model_copy(update=changes))


def test_masked_films_are_recovered_from_the_rest_of_the_dialogue() -> None:
    """Liked films weigh 2, disliked ones .5, others 1."""
    found = told(aims().masked(TALK))
    assert [targets for _, targets in found] == [{0: 2.0}, {1: 0.5}, {2: 1.0}, {1: 0.5}, {3: 1.0, 0: 2.0}]
    assert found[0][0] == "I liked @_ and Film 2 / Try @2 or @3 ? / @2 was boring / Then @4 , like"
    assert "@2" not in found[1][0] and "Film 2" not in found[1][0] and "@3" in found[1][0]


def test_coming_films_are_foreseen_from_what_came_before() -> None:
    """Films that come later weigh half, those named before are no aim."""
    found = told(aims().coming(TALK))
    assert found == [
        ("I liked @1 and Film 2", {1: 0.5, 2: 0.5, 3: 0.5}),
        ("I liked @1 and Film 2 / Try @2", {2: 1.0, 3: 0.5}),
        ("I liked @1 and Film 2 / Try @2 or @3 ?", {3: 0.5}),
        ("I liked @1 and Film 2 / Try @2 or @3 ? / @2 was boring", {3: 1.0}),
    ]


def test_who_speaks_next_is_kept_apart() -> None:
    assert [each.said for each in aims().coming(TALK)] == [{2}, {3}, None, {4, 1}]
    assert {each.said for each in aims().masked(TALK)} == {None}


def test_the_weights_of_later_films_and_of_answers_can_be_left_out() -> None:
    assert told(aims(without=("later",)).coming(TALK))[0][1] == {1: 0.5}
    assert told(aims(without=("feedback",)).coming(TALK))[3][1] == {3: 1.0}
    assert told(aims(later=0.25).coming(TALK))[1][1] == {2: 1.0, 3: 0.25}


def test_films_that_the_catalogue_lacks_are_no_aim() -> None:
    found = Aims({4: 0}, RecommenderSettings())
    assert [targets for _, targets in told(found.masked(TALK))] == [{}, {}, {}, {}, {0: 1.0}]


@pytest.fixture(scope="module")
def whole() -> Recommender:
    return fit_recommender(DIALOGUES, CATALOG, TINY)


def groups(recommender: Recommender) -> set[str]:
    return {name.split(" ", 1)[0] for name in recommender.items.vocabulary.columns}


GROUPS = {
    "seeker": {"wish", "asked", "asked-pair", "seeker-film"},
    "recommender": {"told", "begun", "recommender-film"},
    "felt": {"felt", "emotion", "mood"},
    "knowledge": {"knowledge"},
}


@pytest.mark.parametrize("part", get_args(Part))
def test_each_part_can_be_left_out_and_changes_what_it_says(part: Part, whole: Recommender) -> None:
    found = fit_recommender(DIALOGUES, CATALOG, TINY.model_copy(update={"without": (part,)}))
    context = [DIALOGUES[0].utterances]
    assert (found.scores(context) != whole.scores(context)).any()
    lost = groups(whole) - groups(found)
    assert {group for group in lost if not group.startswith("hidden")} == GROUPS.get(part, set())
    assert (lost - GROUPS.get(part, set()) != set()) is (part == "fusion"), "only stage 1 sees hidden films"
    assert (found.items.evidence is None) is (part == "ridge")
    assert (found.items.again is None) is (part == "named")
    same = (found.fusion.weights.films == found.items.weights.films).all()
    assert bool(same) is (part == "fusion"), "without stage 1, both are stage 2"
    assert (found.liking([[]]) != whole.liking([[]])).any() == (part == "knowledge")


def test_same_seed_same_bytes(whole: Recommender, tmp_path: Path) -> None:
    fits = (whole, fit_recommender(DIALOGUES, CATALOG, TINY))
    fits += (fit_recommender(DIALOGUES, CATALOG, TINY.model_copy(update={"seed": 1})),)
    for place, each in enumerate(fits):
        each.save(tmp_path / str(place))
    one, again, other = ((tmp_path / str(place) / "recommender.safetensors").read_bytes() for place in range(3))
    assert one == again != other
    assert (tmp_path / "0" / "recommender.json").read_bytes() == (tmp_path / "1" / "recommender.json").read_bytes()


def test_progress_ends_at_the_last_batch() -> None:
    steps: list[tuple[int, int]] = []
    fit_recommender(DIALOGUES[:5], CATALOG, TINY, lambda done, total, figures: steps.append((done, total)))
    assert steps[-1][0] == steps[-1][1]


PLAIN = Catalog(Film(film.film_id, film.title) for film in CATALOG)
SILENT = dialogue((S, "Hello"), (R, "Hi"))
STRANGE = [[], [Utterance(S, "")], [Utterance(S, "I liked @999999999"), Utterance(R, "@999999998 ?")]]


@pytest.mark.parametrize(
    ("dialogues", "catalog"),
    [
        (DIALOGUES[:10], PLAIN),
        (DIALOGUES[:1], CATALOG),
        ([SILENT, *DIALOGUES[:5]], CATALOG),
        ([dialogue((S, "I like @1"))], Catalog([Film(1, "Alien")])),
    ],
    ids=["no metadata", "one dialogue", "dialogues without films", "one film, in the first message"],
)
def test_small_and_poor_corpora_do(dialogues: list[Dialogue], catalog: Catalog) -> None:
    found = fit_recommender(dialogues, catalog, TINY)
    for scores in (found.scores(STRANGE), found.liking(STRANGE)):
        assert scores.shape == (3, len(catalog)) and scores.dtype == np.float32 and np.isfinite(scores).all()


@pytest.mark.parametrize("dialogues", [[], [SILENT], [dialogue((S, "@7"), (R, "@8"))]])
def test_dialogues_without_a_known_film_are_refused(dialogues: list[Dialogue]) -> None:
    with pytest.raises(DataError, match="names a film"):
        fit_recommender(dialogues, Catalog([Film(1, "Alien")]), TINY)
