"""The row of counts: what it scores, by hand, and that it is no worse than popularity."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms.readers.seeker_words import seeker_words
from algorithms.recommender.baselines import Popularity
from algorithms.recommender.cooccurrence import Cooccurrence
from algorithms.recommender.scorer import ranked
from envs.catalog import Catalog, Film
from envs.corpora.cases import cases
from envs.corpora.embedded.sample import sample_corpus
from envs.dialogue import Answer, Dialogue, Feedback, Message, Role, Utterance, mentioned_films, named_films

SMALL = Catalog(Film(film, f"Film Number {film}", 2000) for film in range(1, 7))


def pair(index: int, seeker: str, recommender: str, liked: Answer = Answer.YES) -> Dialogue:
    messages = (Message(Role.SEEKER, seeker), Message(Role.RECOMMENDER, recommender))
    films = mentioned_films(seeker + recommender)
    form = {film: Feedback(liked=liked) for film in mentioned_films(recommender)}
    return Dialogue(index, index, messages, dict.fromkeys(films, ""), form)


def test_it_is_better_than_popularity() -> None:
    dialogues, catalog = sample_corpus(400)
    train, judged = dialogues[:340], [case for each in dialogues[340:] for case in cases(each, "dedup")]
    contexts, ids = [case.context for case in judged], np.array(catalog.ids)
    hits = []
    for kind in (Cooccurrence, Popularity):
        top = ranked(kind.fit(train, catalog).scores(contexts), ids, 10, [named_films(context) for context in contexts])
        hits.append(sum(film in films for case, films in zip(judged, top, strict=True) for film in case.targets))
    assert hits[0] > hits[1]


def test_films_that_go_together_and_words_lead_to_films() -> None:
    """Film 1 goes with 2, "scary" with 3, "not scary" with 4; film 5 was disliked every time it was suggested."""
    dialogues = [
        *(pair(i, "I liked @1", "Try @2") for i in range(8)),
        *(pair(i, "something scary please", "Try @3") for i in range(8)),
        *(pair(i, "nothing loud and not scary", "Try @4") for i in range(8)),
        *(pair(i, "I liked @1", "Try @5", Answer.NO) for i in range(30)),
        *(pair(i, "whatever comes to mind", "Try @6") for i in range(20)),  # a word of most cases tells nothing
    ]
    fitted = Cooccurrence.fit(dialogues, SMALL)
    texts = ("I really enjoyed Film Number 1 (2000)", "loved @1", "something scary", "not scary")
    scores = fitted.scores([[Utterance(Role.SEEKER, text)] for text in texts])
    assert [ranked(row[None], np.array(SMALL.ids), 1)[0][0] for row in scores] == [2, 2, 3, 4]


def test_scores_worked_by_hand() -> None:
    """Popularity is (.5, 1.5, .5, ...) / 4; film 1 stands with film 2 once, smoothed by 5."""
    fitted = Cooccurrence.fit([pair(0, "I liked @1", "Try @2")], SMALL)
    named, empty = np.exp(fitted.scores([[Utterance(Role.SEEKER, "@1")], []]))
    popular = np.array([0.5, 1.5, 0.5, 0.5, 0.5, 0.5]) / 4
    assert empty == pytest.approx(popular)
    assert named == pytest.approx((5 * popular + np.array([0, 1, 0, 0, 0, 0])) / 6)
    assert fitted.scores([]).shape == (0, 6)


def test_words_after_a_negation_are_words_of_their_own() -> None:
    assert seeker_words("Something funny, but not too scary. @123") == {
        "something",
        "funny",
        "not",
        "not too",
        "not scary",
    }
