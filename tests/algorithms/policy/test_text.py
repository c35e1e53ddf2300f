"""The policy's text: markers are single tokens, observations are bounded, replies come back as they went in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorithms.policy.text import ConversationText, load_tokenizer
from envs.errors import ModelError
from envs.film_text.markup import ADDED, CUT, RECOMMENDER, plain
from tests.algorithms.doubles import POLICY, tiny_policy_folder, tiny_text

TEXT = tiny_text()
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
