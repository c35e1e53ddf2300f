from __future__ import annotations

from pathlib import Path

import pytest

from envs.corpora.cases import RecommendationCase, cases, context, corpus_statistics
from envs.corpora.corpus import load_corpus
from envs.dialogue import Dialogue, Message, Role, Utterance
from envs.settings import DataSettings
from tests.envs.redial_files import RECOMMENDER, SEEKER, record, write_folder

REDIAL = Path(__file__).parents[4] / "shared" / "data" / "redial" / "redial_dataset.zip"


def dialogue(*messages: tuple[Role, str], declared: tuple[int, ...] = (1, 2, 3)) -> Dialogue:
    return Dialogue(7, 4, tuple(Message(*message) for message in messages), dict.fromkeys(declared, ""))


S, R = Role.SEEKER, Role.RECOMMENDER


def test_cases_of_both_protocols():
    talk = dialogue((S, "I like @1"), (R, "Try @2 or @1, yes @2"), (R, "@2"), (S, "@3"), (R, "@3"))
    assert list(cases(talk, "full")) == [
        RecommendationCase(4, 1, talk.utterances[:1], (2, 1)),
        RecommendationCase(4, 2, context(talk, 2), (2,)),
        RecommendationCase(4, 4, talk.utterances[:3], (3,)),
    ]
    assert list(cases(talk, "dedup")) == [RecommendationCase(4, 1, talk.utterances[:1], (2,))]


def test_a_context_is_the_messages_before_merged_into_turns():
    talk = dialogue((S, "I like @1"), (R, "Try"), (R, "@2"), (R, "or @3"))
    assert context(talk, 0) == ()
    assert context(talk, 2) == (Utterance(S, "I like @1"), Utterance(R, "Try", 1))
    assert context(talk, 3) == (Utterance(S, "I like @1"), Utterance(R, "Try @2", 1))


def test_an_opening_message_has_no_context_and_is_no_case():
    talk = dialogue((R, "Hi, try @1"), (R, "or @2"), (S, "ok"), (R, "@1"))
    assert [(case.message, case.targets) for case in cases(talk, "full")] == [(1, (2,)), (3, (1,))]
    assert [(case.message, case.targets) for case in cases(talk, "dedup")] == [(1, (2,))]


def test_a_film_that_the_record_does_not_declare_does_not_count():
    talk = dialogue((S, "Hi"), (R, "@1 or @2"), declared=(2,))
    assert [(case.message, case.targets) for case in cases(talk, "full")] == [(1, (2,))]


def test_masked_films_stand_nowhere_in_their_input():
    texts = ("I like @1 and Blue Velvet", "@2 (blue velvet!), @3, Blue Velvet (1986)", "@2 is it")
    messages = tuple(map(Message, (S, R, S), texts))
    talk = Dialogue(7, 4, messages, {1: "Heat (1995)", 2: "Blue Velvet (1986)", 3: "It (2017)"})
    found = [(case.message, case.targets, [turn.text for turn in case.context]) for case in cases(talk, "masked")]
    assert found == [
        (0, (1,), ["I like @_ and Blue Velvet", *texts[1:]]),
        (1, (2, 3), ["I like @1 and", "@_ (!), @_,", "is it"]),
        (2, (2,), ["I like @1 and", "(!), @3,", "@_ is it"]),
    ]


def test_statistics_count_every_split(tmp_path: Path):
    texts = ((SEEKER, "@1"), (RECOMMENDER, "@1 @2"), (RECOMMENDER, "@2"))
    folder = write_folder(tmp_path / "r", train=[record(str(i), texts=texts) for i in range(5)])
    corpus = load_corpus(DataSettings(source=str(folder), validation_dialogues=2))
    statistics = corpus_statistics(corpus)
    assert statistics["train"] == {
        "dialogues": 3,
        "messages": 9,
        "full": {"cases": 6, "mentions": 9},
        "dedup": {"cases": 3, "mentions": 3},
    }
    assert statistics["repairs"] == {}
    assert list(statistics) == ["train", "valid", "test", "repairs"]


@pytest.mark.skipif(not REDIAL.exists(), reason=f"the real ReDial is not at {REDIAL}")
def test_the_real_redial_gives_the_published_number_of_cases():
    corpus = load_corpus(DataSettings(source=str(REDIAL)))
    statistics = corpus_statistics(corpus)
    assert statistics["test"] == {
        "dialogues": 1342,
        "messages": 23952,
        "full": {"cases": 4198, "mentions": 4975},
        "dedup": {"cases": 3838, "mentions": 4472},
    }
    assert (len(corpus.train), len(corpus.valid)) == (9005, 1000)
    assert min(d.conversation_id or 0 for d in corpus.valid) > max(d.conversation_id or 0 for d in corpus.train)
    assert {dialogue.provenance for dialogue in corpus.train} == {"raw", "reconstructed"}
    assert statistics["repairs"] == {
        "empty_list_as_questionnaire": 110,
        "empty_message": 166,
        "film_without_title": 1,
        "undeclared_mention": 1,
        "unknown_answer": 33158,
        "unknown_conversation_id": 77,
    }
