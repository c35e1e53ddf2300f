"""Sampling over a cache that lives for a conversation gives exactly what a plain forward over its tokens gives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from algorithms.policy.decoding import ConversationDecoder, SampledReply, draw
from tests.algorithms.doubles import random_gpt2, random_llama

VOCABULARY, END, MAX_NEW = 12, 3, 8
MODELS = {"gpt2": random_gpt2(VOCABULARY), "llama": random_llama(VOCABULARY)}
LENGTHS = ((5, 1, 9), (2, 7, 1), (1, 3, 4))
"""Tokens of each turn's observation, for three conversations."""


def blocks(lengths: Sequence[int], turn: int) -> list[np.ndarray]:
    return [np.random.default_rng([turn, row]).integers(0, VOCABULARY, n) for row, n in enumerate(lengths)]


def uniforms(rows: Sequence[int], turn: int) -> np.ndarray:
    return np.stack([np.random.default_rng([7, turn, row]).random(MAX_NEW) for row in rows])


def play(
    model: PreTrainedModel, leaves: dict[int, int] | None = None, temperature: float = 1.0
) -> dict[int, list[tuple[np.ndarray, SampledReply]]]:
    """Three turns in three conversations; ``leaves`` says after which turn a row is dropped."""
    decoder, live = ConversationDecoder(model, 3), [0, 1, 2]
    said: dict[int, list[tuple[np.ndarray, SampledReply]]] = {row: [] for row in live}
    for turn, lengths in enumerate(LENGTHS):
        seen = [blocks(lengths, turn)[row] for row in live]
        replies = decoder.sample(decoder.extend(seen), uniforms(live, turn), end=END, temperature=temperature)
        for row, block, reply in zip(live, seen, replies, strict=True):
            said[row].append((block, reply))
        kept = [place for place, row in enumerate(live) if (leaves or {}).get(row) != turn]
        live = [live[place] for place in kept]
        decoder.keep(kept)
    return said


def full_forward(
    model: PreTrainedModel, turns: Sequence[tuple[np.ndarray, SampledReply]], temperature: float
) -> np.ndarray:
    """Log-probabilities of all reply tokens by one forward over the whole conversation."""
    ids = np.concatenate([np.concatenate([block, reply.tokens]) for block, reply in turns]).astype(np.int64)
    is_reply = np.concatenate([np.repeat([False, True], [len(b), len(r.tokens)]) for b, r in turns])
    with torch.inference_mode():
        logits = model(input_ids=torch.from_numpy(ids)[None], use_cache=False).logits[0, :-1] / temperature
    logp = torch.log_softmax(logits, -1).gather(1, torch.from_numpy(ids)[1:, None])[:, 0].numpy()
    return logp[is_reply[1:]]


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("name", MODELS)
def test_several_turns_give_the_log_probabilities_of_one_plain_forward(name: str, temperature: float) -> None:
    lengths = set()
    for turns in play(MODELS[name], temperature=temperature).values():
        sampled = np.concatenate([reply.logp for _, reply in turns])
        np.testing.assert_allclose(sampled, full_forward(MODELS[name], turns, temperature), atol=1e-4)
        lengths |= {len(reply.tokens) for _, reply in turns}
    assert len(lengths) > 1, "no ragged replies: the holes of the cache were not tried"


@pytest.mark.parametrize("name", MODELS)
def test_dropping_finished_rows_changes_nothing_for_the_others(name: str) -> None:
    together, alone = play(MODELS[name]), play(MODELS[name], leaves={0: 0, 2: 1})
    for (_, left), (_, right) in zip(together[1], alone[1], strict=True):
        assert left.tokens.tolist() == right.tokens.tolist()
        np.testing.assert_allclose(left.logp, right.logp, atol=1e-4)
    assert [len(alone[row]) for row in range(3)] == [1, 3, 2]


@pytest.mark.parametrize("name", MODELS)
def test_each_row_has_its_own_temperature(name: str) -> None:
    temperatures = np.array([0.5, 1.0, 2.0])
    seen, decoder = blocks(LENGTHS[0], 0), ConversationDecoder(MODELS[name], 3)
    replies = decoder.sample(decoder.extend(seen), uniforms(range(3), 0), end=END, temperature=temperatures)
    for temperature, block, reply in zip(temperatures, seen, replies, strict=True):
        np.testing.assert_allclose(reply.logp, full_forward(MODELS[name], [(block, reply)], temperature), atol=1e-4)


@pytest.mark.parametrize("coldest", [1e-40, 0.0, math.nan])
def test_a_temperature_that_gives_no_distribution_is_refused(coldest: float) -> None:
    decoder = ConversationDecoder(next(iter(MODELS.values())), 3)
    logits = decoder.extend(blocks(LENGTHS[0], 0))
    with pytest.raises(ValueError, match=r"a temperature is at least 0\.01"):
        decoder.sample(logits, uniforms(range(3), 0), end=END, temperature=np.array([1.0, coldest, 1.0]))


@pytest.mark.parametrize("name", MODELS)
def test_the_last_turn_says_the_same_while_ended_rows_leave(name: str) -> None:
    temperatures = np.array([0.7, 1.0, 3.0] * 3)
    seen, rows = blocks(LENGTHS[0], 0), [row for row in range(3) for _ in range(3)]
    said: dict[bool, list[SampledReply]] = {}
    for last in (False, True):
        decoder = ConversationDecoder(MODELS[name], 3)
        logits = decoder.extend(seen)
        decoder.keep(rows)
        noise = uniforms(range(9), 0)
        said[last] = decoder.sample(logits[rows], noise, end=END, temperature=temperatures, last=last)
    for stayed, left in zip(said[False], said[True], strict=True):
        assert stayed.tokens.tolist() == left.tokens.tolist()
        np.testing.assert_allclose(stayed.logp, left.logp, atol=1e-4)
    assert len({len(reply.tokens) for reply in said[True]}) > 1, "every row ended together: none was dropped early"


def test_end_token_closes_a_reply_and_belongs_to_it() -> None:
    replies = [reply.tokens for turns in play(MODELS["gpt2"]).values() for _, reply in turns]
    assert all(END not in tokens[:-1] for tokens in replies)
    assert all(tokens[-1] == END for tokens in replies if len(tokens) < MAX_NEW)
    assert any(len(tokens) < MAX_NEW for tokens in replies)


def test_draw_inverts_the_cumulative_distribution() -> None:
    logits = torch.tensor([0.2, 0.0, 0.5, 0.3]).log()  # cumulative .2 .2 .7 1
    numbers = [0.0, 0.19, 0.21, 0.69, 0.71, 0.999]
    tokens = draw(logits.repeat(len(numbers), 1), torch.tensor(numbers, dtype=torch.float64))
    assert tokens.tolist() == [0, 0, 2, 2, 3, 3]


def test_draw_never_gives_a_token_of_probability_zero() -> None:
    probabilities = torch.tensor([0.0, 0.1, 0.0, 0.2, 0.7, 0.0])
    numbers = np.concatenate([[0.0, np.nextafter(1.0, 0.0)], np.random.default_rng(0).random(5000)])
    tokens = draw(probabilities.log().repeat(len(numbers), 1), torch.from_numpy(numbers))
    shares = torch.bincount(tokens, minlength=6) / len(numbers)
    assert set(tokens.tolist()) == {1, 3, 4}
    torch.testing.assert_close(shares, probabilities, atol=0.02, rtol=0)


def test_conversation_past_the_models_positions_raises() -> None:
    decoder = ConversationDecoder(random_gpt2(VOCABULARY, positions=8), 1)
    logits = decoder.extend([np.arange(4)])
    with pytest.raises(ValueError, match="8 positions"):
        decoder.sample(logits, np.full((1, MAX_NEW), 0.5), end=-1)
    with pytest.raises(ValueError, match="8 positions"):
        ConversationDecoder(random_gpt2(VOCABULARY, positions=8), 1).extend([np.arange(9)])


def test_empty_block_raises() -> None:
    decoder = ConversationDecoder(MODELS["gpt2"], 2)
    with pytest.raises(ValueError, match="without tokens"):
        decoder.extend([np.arange(3), np.arange(0)])
