"""The policy's text: markers are single tokens, observations are bounded, replies come back as they went in."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.policy.text import ConversationText, load_tokenizer, vocabulary_size, with_markers
from envs.errors import ModelError
from envs.film_text.markup import ADDED, CUT, RECOMMENDER, SLOTS, SPECIAL, plain
from envs.turns.replies import read_reply
from tests.algorithms.doubles import POLICY, tiny_policy_folder, tiny_text
from tests.algorithms.tokenizers_of_users import CONTROL, TOKENIZERS
from tests.envs.doubles import six_films

TEXT = tiny_text()
OF_USERS = {name: ConversationText(with_markers(build()), POLICY) for name, build in TOKENIZERS.items()}
MARKER_IDS = {marker: TEXT.tokenizer.convert_tokens_to_ids(marker) for marker in ADDED}


def test_every_marker_is_one_token_and_pad_is_not_end() -> None:
    assert len(set(MARKER_IDS.values())) == len(ADDED)
    assert all(TEXT.tokenizer.convert_ids_to_tokens(token) == marker for marker, token in MARKER_IDS.items())
    assert TEXT.tokenizer.pad_token_id != TEXT.end


def test_reply_survives_encoding_with_slots_in_place() -> None:
    reply = "How about <movie>, or maybe <movie2>? I love it!"
    tokens = TEXT.action(reply)
    assert tokens[-1] == TEXT.end
    assert TEXT.reply(tokens) == reply


PIECES = st.one_of(
    st.sampled_from([*SLOTS, " ", "\n", "?", ", then", " very much", "s", "'s", " (the first)", " - a", "a", " 1"]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), max_size=6),
)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(pieces=st.lists(PIECES, max_size=8))
@settings(max_examples=40, deadline=None)
def test_reply_comes_back_as_it_was_encoded_whatever_the_tokenizer(name: str, pieces: list[str]) -> None:
    """Spaces after slots are kept where they were and made nowhere; before a slot there is always one."""
    text, reply = OF_USERS[name], "".join(pieces)
    expected = re.sub(r"\s*(<movie2?>)", r" \1", reply).strip()
    assert text.reply(text.action(reply)) == expected


@pytest.mark.parametrize("name", TOKENIZERS)
def test_observation_starts_each_turn_as_the_tokenizer_starts_a_text(name: str) -> None:
    text = OF_USERS[name]
    said = text.tokenizer.encode("Hi there", add_special_tokens=False)
    assert text.observation("<seeker>Hi there<recommender>").tolist()[1:-1] == said


@pytest.mark.parametrize("name", ["byte-level", "metaspace-always", "llama2-files"])
@pytest.mark.parametrize("control", [*CONTROL, "</s>"])
def test_special_tokens_of_the_tokenizer_are_taken_out_and_counted(name: str, control: str) -> None:
    text = OF_USERS[name]
    index = text.tokenizer.convert_tokens_to_ids(control)
    tokens = [*text.action("How about <movie>?")[:-1], index, *text.action(" Bye")]
    written = text.reply(tokens)
    assert SPECIAL in written and control not in written
    reply = read_reply(written, (1,), six_films(), 2000)
    assert reply.stripped == 1
    assert "special" not in reply.text and reply.text.endswith("Bye")


@pytest.mark.parametrize("control", CONTROL)
def test_special_token_that_a_seeker_writes_out_stays_text_for_the_policy(control: str) -> None:
    text = OF_USERS["byte-level"]
    tokens = text.observation(f"<seeker>Hi {control}<recommender>")
    assert text.tokenizer.convert_tokens_to_ids(control) not in tokens


def test_rows_reach_to_the_highest_token() -> None:
    text = OF_USERS["byte-level"]
    assert text.size == vocabulary_size(text.tokenizer) == max(text.tokenizer.get_vocab().values()) + 1


def test_reply_without_end_token_is_marked_as_cut() -> None:
    tokens = TEXT.action("I love horror films")[:-1]
    assert TEXT.reply(tokens) == f"I love horror films {CUT}"
    assert TEXT.reply([]) == CUT


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_text_gives_a_bounded_observation_that_ends_with_the_role(text: str) -> None:
    said = f"<seeker>{plain(text)}<proposal>Alien (1979), horror<recommender>"
    for first, limit in ((True, POLICY.max_history), (False, POLICY.max_observation)):
        tokens = TEXT.observation(said, first=first, after_cut=not first)
        assert tokens.dtype == np.int32
        assert 0 < len(tokens) <= limit
        assert tokens[-1] == MARKER_IDS[RECOMMENDER]
        assert (tokens == MARKER_IDS[RECOMMENDER]).sum() == 1


def test_observation_after_a_cut_reply_starts_with_the_missing_end_token() -> None:
    said = "<seeker>Thanks<recommender>"
    assert TEXT.observation(said, after_cut=True)[0] == TEXT.end
    assert TEXT.observation(said)[0] == MARKER_IDS["<seeker>"]


def test_long_history_is_cut_from_the_left_at_a_turn() -> None:
    history = "".join(f"<seeker>line {i} about horror films<recommender>fine {i}<end>" for i in range(40))
    tokens = TEXT.observation(history + "<seeker>the last line<recommender>", first=True)
    assert len(tokens) <= POLICY.max_history
    assert tokens[0] == MARKER_IDS["<seeker>"]
    assert TEXT.reply(tokens).endswith(f"the last line<recommender> {CUT}")


def test_saved_tokenizer_gives_the_same_tokens(tmp_path) -> None:
    folder = tiny_policy_folder(tmp_path)
    again = ConversationText(load_tokenizer(str(folder)), POLICY)
    said = "<seeker>I love horror films<proposal>Alien (1979)<recommender>"
    assert again.size == TEXT.size
    assert again.observation(said).tolist() == TEXT.observation(said).tolist()


def test_folder_without_tokenizer_is_named(tmp_path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        load_tokenizer(str(tmp_path))
