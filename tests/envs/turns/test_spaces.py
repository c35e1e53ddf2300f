"""The utterance space does what Gymnasium asks of a space, and what its Text space cannot."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, create_shared_memory, iterate

from envs.errors import ConfigError
from envs.turns.spaces import UtteranceSpace


def test_any_unicode_up_to_the_length_is_inside() -> None:
    space = UtteranceSpace(12)
    for text in ("", "two words", "naïve 電影 🎬", np.str_("numpy"), "\n\t"):
        assert text in space
    for other in ("x" * 13, None, 3, b"bytes", ["text"]):
        assert other not in space


def test_samples_are_seeded_varied_and_inside() -> None:
    space, twin = UtteranceSpace(40, seed=3), UtteranceSpace(40, seed=3)
    samples = [space.sample() for _ in range(50)]
    assert samples == [twin.sample() for _ in range(50)]
    assert all(sample in space for sample in samples)
    assert len(set(samples)) > 40
    with pytest.raises(ValueError, match="mask"):
        space.sample(mask=np.ones(3))


def test_equality_hash_copies_and_pickles() -> None:
    space = UtteranceSpace(7)
    assert space == UtteranceSpace(7)
    assert space != UtteranceSpace(8)
    assert space != spaces.Text(7)
    assert hash(space) == hash(UtteranceSpace(7))
    assert pickle.loads(pickle.dumps(space)) == space == copy.deepcopy(space)
    assert eval(repr(space)) == space
    assert not space.is_np_flattenable


def test_json_keeps_every_text() -> None:
    space, texts = UtteranceSpace(9), ["", 'a "b"', "電影 🎬"]
    assert space.from_jsonable(json.loads(json.dumps(space.to_jsonable(texts)))) == texts


def test_a_batch_is_a_tuple_of_texts() -> None:
    space = UtteranceSpace(20, seed=1)
    batch = batch_space(space, 3)
    assert isinstance(batch, spaces.Tuple)
    texts = ("a", "longer than a", "")
    assert texts in batch
    assert batch.sample() in batch
    assert len(set(batch.sample())) == 3
    assert list(iterate(batch, texts)) == list(texts)
    assert concatenate(space, texts, create_empty_array(space, 3)) == texts


def test_shared_memory_is_refused() -> None:
    with pytest.raises(ConfigError, match="AsyncVectorEnv"):
        create_shared_memory(UtteranceSpace(4), n=2)
