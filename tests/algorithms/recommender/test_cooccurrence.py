"""The film recommender: what it proposes, what never, and that it comes back from its folder."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from algorithms.recommender.cooccurrence import CooccurrenceRecommender
from algorithms.seeker_words import seeker_words
from algorithms.settings import RecommenderSettings
from envs.catalog import Catalog, Film
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role, Utterance, mentioned_films
from envs.errors import ModelError
from envs.sample import sample_corpus

DIALOGUES, CATALOG = sample_corpus(400)
TRAIN, HELD_OUT = DIALOGUES[:340], DIALOGUES[340:]


@pytest.fixture(scope="module")
def recommender() -> CooccurrenceRecommender:
    return CooccurrenceRecommender.fit(TRAIN, CATALOG, RecommenderSettings())


def contexts(dialogues: list[Dialogue]) -> list[tuple[Utterance, ...]]:
    """Each dialogue's turns before each of its recommender turns."""
    return [
        dialogue.utterances[:place]
        for dialogue in dialogues
        for place, turn in enumerate(dialogue.utterances)
        if turn.role is Role.RECOMMENDER
    ]


def test_named_films_are_never_proposed(recommender: CooccurrenceRecommender) -> None:
    """Neither as ``@id`` nor as a title, whoever named them."""
    raw = contexts(HELD_OUT)
    titled = [tuple(Utterance(turn.role, CATALOG.render(turn.text)) for turn in context) for context in raw]
    for proposals in (recommender.propose(raw, 20), recommender.propose(titled, 20)):
        for context, films in zip(raw, proposals, strict=True):
            assert not set(films) & {film for turn in context for film in mentioned_films(turn.text)}
            assert len(set(films)) == 20


def test_it_is_better_than_the_most_popular_films(recommender: CooccurrenceRecommender) -> None:
    popular = sorted(CATALOG, key=lambda film: -film.mentions)
    hits, popular_hits = 0, 0
    for dialogue in HELD_OUT:
        for place, turn in enumerate(dialogue.utterances):
            named = {film for before in dialogue.utterances[:place] for film in mentioned_films(before.text)}
            targets = set(mentioned_films(turn.text)) - named & dialogue.profile.liked
            if turn.role is Role.RECOMMENDER and place and targets:
                hits += len(targets & set(recommender.propose([dialogue.utterances[:place]], 10)[0]))
                top = [film.film_id for film in popular if film.film_id not in named][:10]
                popular_hits += len(targets & set(top))
    assert hits > popular_hits


def pair(index: int, seeker: str, recommender: str, liked: Answer = Answer.YES) -> Dialogue:
    messages = (Message(Role.SEEKER, seeker), Message(Role.RECOMMENDER, recommender))
    films = mentioned_films(seeker + recommender)
    form = {film: Feedback(liked=liked) for film in mentioned_films(recommender)}
    return Dialogue(index, index, messages, dict.fromkeys(films, ""), form)


SMALL = Catalog(Film(film, f"Film Number {film}", 2000) for film in range(1, 7))


def test_films_that_go_together_and_words_lead_to_films() -> None:
    """Film 1 goes with 2, "scary" with 3, "not scary" with 4; film 5 was disliked every time it was suggested."""
    dialogues = [
        *(pair(i, "I liked @1", "Try @2") for i in range(8)),
        *(pair(i, "something scary please", "Try @3") for i in range(8)),
        *(pair(i, "nothing loud and not scary", "Try @4") for i in range(8)),
        *(pair(i, "I liked @1", "Try @5", Answer.NO) for i in range(30)),
        *(pair(i, "whatever comes to mind", "Try @6") for i in range(20)),  # a word of most cases tells nothing
    ]
    fitted = CooccurrenceRecommender.fit(dialogues, SMALL, RecommenderSettings(smoothing=1.0))

    def best(text: str) -> int:
        return fitted.propose([[Utterance(Role.SEEKER, text)]], 1)[0][0]

    assert best("I really enjoyed Film Number 1 (2000)") == 2
    assert best("something scary") == 3
    assert best("not scary") == 4


def test_more_films_than_there_are(recommender: CooccurrenceRecommender) -> None:
    fitted = CooccurrenceRecommender.fit([pair(0, "I liked @1", "Try @2")], SMALL, RecommenderSettings())
    assert sorted(fitted.propose([[Utterance(Role.SEEKER, "@1")]], 50)[0]) == [2, 3, 4, 5, 6]
    assert len(recommender.propose([[]], 2)[0]) == 2
    assert recommender.propose([], 2) == []


def test_a_saved_recommender_proposes_the_same(recommender: CooccurrenceRecommender, tmp_path: Path) -> None:
    recommender.save(tmp_path)
    again = CooccurrenceRecommender.load(tmp_path)
    sample = contexts(HELD_OUT)[:40]
    assert again.propose(sample, 5) == recommender.propose(sample, 5)
    np.testing.assert_array_equal(again.scores(sample), recommender.scores(sample))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_a_broken_folder_is_named(recommender: CooccurrenceRecommender, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no recommender"):
        CooccurrenceRecommender.load(tmp_path)
    recommender.save(tmp_path)
    (tmp_path / "recommender.json").write_text(json.dumps({}))
    with pytest.raises(ModelError, match="holds no recommender"):
        CooccurrenceRecommender.load(tmp_path)


def test_a_proposal_is_quick(recommender: CooccurrenceRecommender) -> None:
    sample = contexts(HELD_OUT)[:100]
    recommender.propose(sample, 2)  # the title finder is built at first use
    started = time.process_time()
    recommender.propose(sample, 2)
    assert (time.process_time() - started) / len(sample) < 0.01  # 1 ms on an idle core


def test_words_after_a_negation_are_words_of_their_own() -> None:
    assert seeker_words("Something funny, but not too scary. @123") == {
        "something",
        "funny",
        "not",
        "not too",
        "not scary",
    }
