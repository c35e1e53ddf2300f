"""PMI by a language model: against its own log-probabilities, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from algorithms.evaluators.pmi import ContextInformation, titles_as_slots
from algorithms.policy.language_model import build_tiny
from algorithms.policy.text import train_tokenizer
from algorithms.settings.policy import PolicySettings
from envs.dialogue import Role, Utterance
from envs.heads import Exchange
from tests.envs.doubles import ALIEN, CONJURING, six_films

LINES = ["Seeker: I like scary films", "Recommender: Have you seen Hush?", "Seeker: not yet, is it long?"] * 20
TOKENIZER = train_tokenizer(LINES, 400)
SETTINGS = PolicySettings(layers=1, width=32, heads=2, vocabulary=400)
MODEL = build_tiny(SETTINGS, len(TOKENIZER), 0, 0, seed=3).eval()
MEASURE = ContextInformation(MODEL, TOKENIZER)
CONTEXT = (Utterance(Role.SEEKER, "I like scary films"),)


def nats(prompt: str, reply: str) -> float:
    ids = [TOKENIZER(text, add_special_tokens=False)["input_ids"] for text in (prompt, reply)]
    tokens = torch.tensor([ids[0] + ids[1]])
    with torch.inference_mode():
        logp = torch.log_softmax(MODEL(input_ids=tokens).logits[0, :-1], -1)
    scored = logp.gather(1, tokens[0, 1:, None])[len(ids[0]) - 1 :, 0]
    return -float(scored.sum())


def test_it_is_the_gain_in_log_probability_a_token() -> None:
    reply = " Have you seen Hush?"
    gain = nats("Recommender:", reply) - nats("Seeker: I like scary films\nRecommender:", reply)
    tokens = len(TOKENIZER(reply, add_special_tokens=False)["input_ids"])
    assert MEASURE.of([Exchange(CONTEXT, reply)]) == pytest.approx([gain / tokens], abs=1e-5)


def test_a_batch_gives_what_each_gives_alone() -> None:
    replies = ["Hush", "Have you seen Hush? is it long?", "", "not yet, is it long? " * 60]
    exchanges = [Exchange(CONTEXT * (place + 1), reply) for place, reply in enumerate(replies)]
    alone = np.concatenate([MEASURE.of([exchange]) for exchange in exchanges])
    assert MEASURE.of(exchanges) == pytest.approx(alone, abs=1e-5, nan_ok=True)


def test_no_context_tells_nothing_and_no_reply_has_no_number() -> None:
    found = MEASURE.of([Exchange((), "Have you seen Hush?"), Exchange(CONTEXT, " ")])
    assert found[0] == pytest.approx(0.0, abs=1e-6) and np.isnan(found[1])
    assert MEASURE.of([]).shape == (0,)


def test_titles_are_slots_in_context_and_reply() -> None:
    catalog = six_films()
    known, other = (catalog.title(film) for film in (ALIEN, CONJURING))
    context = (Utterance(Role.SEEKER, f"I liked {known} a lot"), Utterance(Role.RECOMMENDER, "Noted."))
    slotted = titles_as_slots(Exchange(context, f"Then {other} and {known}!"), catalog)
    assert [turn.text for turn in slotted.context] == ["I liked <movie> a lot", "Noted."]
    assert [turn.role for turn in slotted.context] == [Role.SEEKER, Role.RECOMMENDER]
    assert slotted.reply == "Then <movie> and <movie>!"
    assert titles_as_slots(slotted, catalog) == slotted


def test_a_rare_title_costs_a_reply_nothing_as_a_slot() -> None:
    catalog = six_films()
    replies = [f"Have you seen {catalog.title(film)}?" for film in (ALIEN, CONJURING)]
    said = MEASURE.of([Exchange(CONTEXT, reply) for reply in replies])
    slotted = MEASURE.of([titles_as_slots(Exchange(CONTEXT, reply), catalog) for reply in replies])
    assert said[0] != said[1] and slotted[0] == slotted[1]
    gain = nats("Recommender:", " Have you seen <movie>?") - nats(
        "Seeker: I like scary films\nRecommender:", " Have you seen <movie>?"
    )
    tokens = len(TOKENIZER(" Have you seen <movie>?", add_special_tokens=False)["input_ids"])
    assert slotted[0] == pytest.approx(gain / tokens, abs=1e-5)
