"""Seekers: what they say follows from their dialogue, and never gives away what the recommender must find out."""

from __future__ import annotations

import string
from collections.abc import Sequence

import numpy as np
import pytest

from envs.dialogue import Answer, Dialogue, Role, Utterance, mentioned_films
from envs.emotions import NINE
from envs.film_text.markup import SLOTS, plain
from envs.seekers.lines import EMOTIONS, FEELINGS, LINES, Act
from envs.seekers.profile import ProfileSeeker
from envs.seekers.protocol import Seeker
from envs.seekers.replay import ReplaySeeker
from envs.turns.replies import read_reply
from envs.turns.state import ConversationState, SeekerTurn
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    HEAT,
    NOTEBOOK,
    TOY_STORY,
    UP,
    dialogue,
    feedback,
    recommender_opens,
    seeker_opens,
    six_films,
    three_dialogues,
)

CATALOG = six_films()


def start(seeker: Seeker, human: Dialogue, seed: int = 0) -> ConversationState:
    rng = np.random.default_rng(seed)
    state = ConversationState((0, 0), human, 0, rng, seeker.start(human, rng), CATALOG, 2000)
    state.show_history(6)
    return state


def reply(seeker: Seeker, state: ConversationState, text: str, films: Sequence[int] = ()) -> SeekerTurn:
    state.add_reply(read_reply(text, films, CATALOG, 2000))
    (answer,) = seeker.answer([state])
    state.add_answer(answer)
    return answer


def profile_start(human: Dialogue, seed: int = 0) -> tuple[ProfileSeeker, ConversationState]:
    seeker = ProfileSeeker(CATALOG, 6)
    return seeker, start(seeker, human, seed)


# --- replay


def test_replay_starts_at_every_recommender_turn_and_shows_what_came_before() -> None:
    human, seeker = seeker_opens(), ReplaySeeker(2)
    openings = {seeker.start(human, np.random.default_rng(seed)).position for seed in range(40)}
    assert openings == {1, 3, 5}
    for seed in range(10):
        opening = seeker.start(human, np.random.default_rng(seed))
        assert opening.history == human.utterances[: opening.position]
        assert opening.reference == human.utterances[opening.position].text


def replay_from(position: int) -> tuple[ReplaySeeker, ConversationState]:
    seeker = ReplaySeeker(3)
    for seed in range(100):
        state = start(seeker, seeker_opens(), seed)
        if state.opening.position == position:
            return seeker, state
    raise AssertionError(position)


def test_replay_answers_with_the_humans_lines_until_they_run_out() -> None:
    seeker, state = replay_from(1)
    answers = [reply(seeker, state, "Well, <movie>?", [CONJURING]) for _ in range(3)]
    assert [answer.text for answer in answers] == [state.dialogue.utterances[place].text for place in (2, 4, 6)]
    assert [answer.ended for answer in answers] == [False, False, True]


def test_replay_ends_when_nobody_answers_the_last_turn() -> None:
    human = dialogue("S: Hi\nR: Bye")
    seeker = ReplaySeeker(2)
    assert reply(seeker, start(seeker, human), "Hello") == SeekerTurn("", ended=True)


def test_replay_of_a_dialogue_without_recommender_ends_at_once() -> None:
    seeker = ReplaySeeker(2)
    state = start(seeker, dialogue("S: Hello?\nS: Anybody?"))
    assert state.opening.reference is None
    assert reply(seeker, state, "Yes").ended


def test_a_line_about_a_film_that_nobody_named_is_incoherent() -> None:
    seeker, state = replay_from(1)
    assert reply(seeker, state, "Nice weather").incoherent  # the human recommender had named @11
    seeker, state = replay_from(1)
    assert not reply(seeker, state, "See <movie>", [CONJURING]).incoherent
    assert not reply(seeker, state, "It is scary").incoherent  # the human named no film here
    assert reply(seeker, state, "Or another").incoherent  # the human: @13, and the line names it


def test_a_film_of_the_history_is_no_news() -> None:
    _, state = replay_from(5)
    assert {TOY_STORY, CONJURING} <= state.named.keys()
    assert state.named[TOY_STORY] is Role.SEEKER


# --- profile


def test_profile_opens_with_the_humans_first_lines() -> None:
    _, state = profile_start(seeker_opens())
    assert [turn.text for turn in state.rendered] == ["Hi I loved Toy Story (1995)"]
    _, state = profile_start(recommender_opens())
    assert state.rendered == []


@pytest.mark.parametrize("seed", range(5))
def test_a_liked_film_is_accepted_and_ends_the_conversation(seed: int) -> None:
    seeker, state = profile_start(three_dialogues()[0], seed)
    answer = reply(seeker, state, "How about <movie>?", [CONJURING])
    assert (answer.accepted, answer.ended, answer.act) == (CONJURING, True, Act.ACCEPT)
    assert mentioned_films(answer.text) == [CONJURING]


def test_the_second_film_of_a_reply_can_be_the_one() -> None:
    seeker, state = profile_start(three_dialogues()[0])
    answer = reply(seeker, state, "<movie> or <movie2>?", [HEAT, CONJURING])
    assert answer.accepted == CONJURING
    assert answer.rejected == (HEAT,)


def test_a_liked_film_that_it_has_seen_it_watches_again() -> None:
    human = dialogue("R: Hi\nS: Hello", seeker_form={UP: feedback(Answer.YES, Answer.YES)})
    seeker, state = profile_start(human)
    answer = reply(seeker, state, "See <movie>!", [UP])
    assert (answer.accepted, answer.ended, answer.act) == (UP, True, Act.ACCEPT_AGAIN)


@pytest.mark.parametrize("said", ["Toy Story", "toy story", "that film Up", "@12"])
def test_a_film_that_its_first_lines_name_in_any_form_is_no_find(said: str) -> None:
    form = {TOY_STORY: feedback(Answer.YES), UP: feedback(Answer.YES)}
    seeker, state = profile_start(dialogue(f"S: I liked {said} a lot\nR: Hello", seeker_form=form))
    film = UP if "Up" in said else TOY_STORY
    assert reply(seeker, state, "See <movie>!", [film]).accepted is None


def test_a_film_that_it_named_itself_is_not_accepted() -> None:
    human = seeker_opens(seeker_form={TOY_STORY: feedback(Answer.YES)})
    seeker, state = profile_start(human)
    answer = reply(seeker, state, "See <movie>!", [TOY_STORY])
    assert (answer.accepted, answer.act) == (None, Act.REPEATED)


def test_disliked_films_and_genres_are_rejected_with_a_reason() -> None:
    seeker, state = profile_start(three_dialogues()[0])
    answer = reply(seeker, state, "<movie>?", [HEAT])
    assert (answer.act, answer.rejected, answer.ended) == (Act.REJECT, (HEAT,), False)
    seeker, state = profile_start(three_dialogues()[1])
    answer = reply(seeker, state, "<movie>?", [ALIEN])
    assert (answer.act, answer.rejected) == (Act.REJECT_GENRE, (ALIEN,))
    assert "horror" in answer.text.lower()


def test_a_film_that_it_has_seen_without_an_opinion() -> None:
    human = dialogue("R: Hi\nS: Hello", seeker_form={UP: feedback(Answer.UNSAID, Answer.YES)})
    seeker, state = profile_start(human)
    assert reply(seeker, state, "<movie>?", [UP]).act is Act.SEEN


@pytest.mark.parametrize("human", range(3))
def test_nothing_but_a_liked_film_is_accepted(human: int) -> None:
    """Whatever is said of a film, and however well it suits."""
    liked = three_dialogues()[human].profile.liked
    for seed in range(20):
        for film in CATALOG.ids:
            seeker, state = profile_start(three_dialogues()[human], seed)
            answers = [reply(seeker, state, "You will love <movie>, a crime story!", [film])]
            if not answers[0].ended:
                answers.append(reply(seeker, state, "It is about a thief and a detective in the city."))
            fresh = film in liked and film not in {
                film for turn in state.opening.history for film in mentioned_films(turn.text)
            }
            assert [answer.accepted for answer in answers if answer.accepted] == ([film] if fresh else [])


def test_a_film_that_shares_nothing_with_its_tastes_is_declined_for_them() -> None:
    seeker, state = profile_start(three_dialogues()[2])  # tastes: crime
    answer = reply(seeker, state, "<movie>?", [NOTEBOOK])
    assert (answer.act, answer.rejected) == (Act.DECLINE_TASTES, (NOTEBOOK,))
    assert "crime" in answer.text


def test_what_its_human_said_are_its_tastes() -> None:
    human = dialogue("S: I want something scary\nR: Hi\nS: No romance, please", seeker_form={UP: feedback(Answer.YES)})
    seeker, state = profile_start(human)
    assert "horror" in reply(seeker, state, "What do you like?").text.lower()
    assert reply(seeker, state, "<movie>?", [NOTEBOOK]).act is Act.REJECT_GENRE


def test_reactions_carry_the_nine_emotions_and_show_them() -> None:
    form = {CONJURING: feedback(Answer.YES), UP: feedback(Answer.YES, Answer.YES), HEAT: feedback(Answer.NO)}
    human = dialogue("R: Hi\nS: Hello", seeker_form=form, tastes=("horror",))
    felt: dict[str, set[str]] = {}
    for seed in range(60):
        for film in CATALOG.ids:
            seeker, state = profile_start(human, seed)
            answer = reply(seeker, state, "<movie>?", [film])
            felt.setdefault(answer.emotion, set()).add(answer.text)
    assert felt.keys() == set(NINE)
    for emotion, sentences in FEELINGS.items():
        shown = {sentence for sentence in sentences if any(text.startswith(sentence) for text in felt[emotion])}
        assert len(shown) >= min(3, len(sentences))


def test_genres_of_liked_films_stand_in_for_tastes() -> None:
    human = dialogue("R: Hi\nS: Hello", seeker_form={CONJURING: feedback(Answer.YES)})
    seeker, state = profile_start(human)
    answer = reply(seeker, state, "What do you like?")
    assert answer.act is Act.TASTES
    assert "horror" in answer.text.lower()


def test_asked_it_tells_mood_and_tastes_then_dislikes() -> None:
    seeker, state = profile_start(three_dialogues()[1])
    first = reply(seeker, state, "Hi, how are you? What are you looking for?")
    assert "sad" in first.text
    assert "romance" in first.text.lower()
    assert "horror" in reply(seeker, state, "Anything else?").text.lower()


def test_a_film_it_asked_for_is_declined_once_described() -> None:
    outcomes = set()
    for seed in range(20):
        seeker, state = profile_start(three_dialogues()[2], seed)
        answer = reply(seeker, state, "<movie>?", [HEAT])
        outcomes.add(answer.act)
        if answer.asked == HEAT:
            told = reply(seeker, state, "A thief meets a patient detective in the city.")
            assert (told.act, told.rejected, told.ended) == (Act.DECLINE_TOLD, (HEAT,), False)
    assert outcomes == {Act.ASK, Act.DECLINE}


def test_it_leaves_when_bored_and_parts_on_a_goodbye() -> None:
    seeker, state = profile_start(three_dialogues()[0])
    assert not reply(seeker, state, "Nice weather.").ended
    left = reply(seeker, state, "Nice indeed.")
    assert (left.ended, left.act, left.accepted) == (True, Act.LEAVE, None)
    seeker, state = profile_start(three_dialogues()[0])
    parted = reply(seeker, state, "You're welcome, have a great day!")
    assert (parted.ended, parted.act) == (True, Act.GOODBYE)


def test_a_greeting_is_not_boring_when_the_recommender_opens() -> None:
    seeker, state = profile_start(three_dialogues()[1])
    answers = [reply(seeker, state, text) for text in ("Hello.", "Well.", "Hm.")]
    assert [answer.ended for answer in answers] == [False, False, True]


def test_claims_of_the_reply_do_not_make_an_acceptance() -> None:
    for text in ("<seeker> I love it, I accept", "Seeker: I accept The Conjuring", "The Conjuring (2013) @11"):
        seeker, state = profile_start(three_dialogues()[0])
        assert reply(seeker, state, text, [CONJURING]).accepted is None


def test_every_act_has_its_emotions_and_every_emotion_its_sentences() -> None:
    assert EMOTIONS.keys() == set(Act)
    assert set(NINE) == FEELINGS.keys() == {emotion for emotions in EMOTIONS.values() for emotion in emotions}
    assert all(len(set(sentences)) >= 6 for emotion, sentences in FEELINGS.items() if emotion != "neutral")


@pytest.mark.parametrize("human", range(3))
def test_it_never_names_a_film_that_nobody_named(human: int) -> None:
    """Also checked for titles in words: the catalogue finds none beside those named."""
    replies = ["What do you like?", "How are you?", "Hm.", "<movie>?", "It is a film about love and loss", "<movie2>!"]
    for seed in range(60):
        seeker, state = profile_start(three_dialogues()[human], seed)
        chooser = np.random.default_rng(seed)
        for _ in range(6):
            films = [int(film) for film in chooser.permutation(CATALOG.ids)[:2]]
            answer = reply(seeker, state, replies[int(chooser.integers(len(replies)))], films)
            allowed = {film for turn in state.turns for film in turn.reply.films} | {
                film for turn in state.opening.history for film in mentioned_films(turn.text)
            }
            assert set(mentioned_films(answer.text)) <= allowed
            assert set(CATALOG.find(state.rendered[-1].text)) <= allowed
            if answer.ended:
                break


def test_every_act_has_eight_sentences_that_fill_in_clean() -> None:
    words = {
        "film": "@11",
        "mood": "sad",
        "tastes": "horror and crime",
        "dislikes": "war",
        "genre": "war",
        "people": "Ann Lee",
    }
    known = set(words)
    for act in Act:
        lines = LINES[act]
        assert len(set(lines)) >= 8
        for line in lines:
            fields = {name for _, name, _, _ in string.Formatter().parse(line) if name}
            assert fields <= known
            text = line.format(**words)
            rendered = CATALOG.render(text)
            assert plain(rendered) == rendered
            assert not any(slot in rendered for slot in SLOTS)
            assert rendered.rstrip()[-1] in ".!?"


def test_same_seed_same_seeker() -> None:
    def talk(seed: int) -> list[Utterance]:
        seeker, state = profile_start(three_dialogues()[2], seed)
        for text in ("What do you like?", "<movie>?", "It is about a thief and a cop."):
            reply(seeker, state, text, [HEAT])
        return state.rendered

    assert talk(4) == talk(4)
    assert any(talk(seed) != talk(4) for seed in range(5, 9))
