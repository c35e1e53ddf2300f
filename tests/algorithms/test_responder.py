"""Supervised training: what it learns from, that it learns, and that its result is one plain model."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from algorithms.language_model import load_causal_lm
from algorithms.responder import train_responder, validation_loss
from algorithms.responder_rows import Advice, ResponderRows, reply_with_slots
from algorithms.settings import LoraSettings, PolicySettings, SupervisedSettings
from algorithms.text import ConversationText, load_tokenizer
from envs.corpus import Corpus
from envs.errors import ConfigError
from envs.proposals import PopularFilms
from envs.sample import sample_corpus
from envs.settings import EnvSettings
from tests.algorithms.doubles import LINES, POLICY, random_gpt2, small_planner, tiny_text
from tests.envs.doubles import (
    ALIEN,
    CONJURING,
    NOTEBOOK,
    ScriptedRecommender,
    dialogue,
    six_films,
    three_dialogues,
)

FILMS = six_films()
TEXT = tiny_text()
SHORT = SupervisedSettings(steps=30, batch_size=8, evaluate_every=10, warmup=3, validation_rows=16, learning_rate=3e-3)


@pytest.mark.parametrize(
    ("said", "proposal", "reply", "learned"),
    [
        ("Try @11 then", [CONJURING], "Try <movie> then", True),
        ("Try @11 , or @15 !", [ALIEN, CONJURING], "Try <movie2>, or <movie>!", True),
        ("Try @11 then", [ALIEN], "Try The Conjuring (2013) then", False),
        ("Good evening", [ALIEN, CONJURING], "Good evening", True),
        ("I say <seeker> @14", [NOTEBOOK], "I say <movie>", True),
        ("<end>", [], "", False),
    ],
)
def test_proposed_films_become_slots_and_others_are_not_learned(
    said: str, proposal: list[int], reply: str, learned: bool
) -> None:
    assert reply_with_slots(said, proposal, FILMS) == (reply, learned)


def advice(*films: int) -> Advice:
    return Advice(ScriptedRecommender(*films), small_planner())


def rows(policy: PolicySettings = POLICY, proposed: tuple[int, ...] = (CONJURING, NOTEBOOK)) -> ResponderRows:
    text = TEXT if policy is POLICY else tiny_text(policy)
    return ResponderRows(three_dialogues(), FILMS, advice(*proposed), text, EnvSettings(), 0)


def test_loss_stands_on_replies_alone_and_each_ends() -> None:
    drawn = rows()
    for row in (drawn.row(epoch, index) for epoch in range(6) for index in range(len(drawn))):
        edges = np.flatnonzero(np.diff(row.loss.astype(int), prepend=0, append=0))
        for start, stop in edges.reshape(-1, 2):
            assert row.tokens[start - 1] == TEXT.tokenizer.convert_tokens_to_ids("<recommender>")
            reply = TEXT.reply(row.tokens[start:stop])
            assert "<seeker>" not in reply and "<proposal>" not in reply and "<cut>" not in reply
        assert not row.loss[0]


def test_every_row_fits_the_positions() -> None:
    small = POLICY.model_copy(update={"positions": 60, "max_history": 30, "max_observation": 24})
    drawn = rows(small)
    lengths = [len(drawn.row(epoch, index).tokens) for epoch in range(10) for index in range(len(drawn))]
    assert max(lengths) <= 60
    assert max(len(rows().row(epoch, 0).tokens) for epoch in range(10)) > 60, "no row was long: nothing was tested"


def test_reply_with_a_film_that_nobody_proposed_is_context_without_loss() -> None:
    talk = [dialogue("S: Hi\nR: @12\nS: No\nR: Bye")]
    drawn = ResponderRows(talk, FILMS, advice(ALIEN), TEXT, EnvSettings(), 0)
    seen = set()
    for row in (drawn.row(epoch, 0) for epoch in range(20)):
        assert "Toy" not in TEXT.reply(row.tokens[row.loss])
        everything = TEXT.reply(row.tokens)
        if "Alien (1979), horror, sci-fi<recommender>Toy Story (1995)" in everything:
            seen.add("declined")
        if "Toy Story (1995), animation, comedy<recommender> <movie>" in everything:
            seen.add("own film proposed")
    assert seen == {"declined", "own film proposed"}


def test_row_is_a_function_of_epoch_and_index() -> None:
    first, again = rows(), rows()
    assert again.row(3, 1).tokens.tolist() == first.row(3, 1).tokens.tolist()
    assert len({tuple(first.row(epoch, 0).tokens.tolist()) for epoch in range(8)}) > 1


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    dialogues, catalog = sample_corpus(dialogues=40)
    return Corpus("sample", tuple(dialogues[:30]), tuple(dialogues[30:]), (), catalog, {}, "")


def trained(
    corpus: Corpus, folder: Path, policy: PolicySettings = POLICY, **changed: float
) -> tuple[dict, list[float]]:
    """The figures of a short training, and its validation losses as they came."""
    losses: list[float] = []

    def note(done: int, total: int, metrics) -> None:
        losses.extend(value for name, value in metrics.items() if name == "validation_loss")

    settings = SHORT.model_copy(update=changed)
    recommender = PopularFilms(corpus.train, corpus.catalog)
    planner = small_planner()
    return train_responder(corpus, recommender, planner, policy, settings, EnvSettings(), folder, folder, note), losses


ROOMY = POLICY.model_copy(update={"max_new": 32, "vocabulary": 600})


def test_training_lowers_the_validation_loss_and_repeats_itself(corpus: Corpus, tmp_path: Path) -> None:
    figures, losses = trained(corpus, tmp_path / "one", ROOMY)
    assert losses[-1] < losses[0] - 0.2
    assert figures["validation_loss"] == min(losses)
    trained(corpus, tmp_path / "two", ROOMY)
    trained(corpus, tmp_path / "other", ROOMY, seed=1, steps=10)
    one, two, other = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two", "other"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_best_checkpoint_is_kept_not_the_last(corpus: Corpus, tmp_path: Path) -> None:
    overfit = replace(corpus, train=corpus.train[:2])
    figures, losses = trained(overfit, tmp_path, ROOMY, steps=60, batch_size=2, learning_rate=0.02, warmup=1)
    assert figures["validation_loss"] == min(losses) < losses[-1]
    assert figures["best_step"] == 10 * (1 + int(np.argmin(losses))) < 60
    text = ConversationText(load_tokenizer(str(tmp_path)), ROOMY)
    advised = Advice(PopularFilms(overfit.train, overfit.catalog), small_planner())
    held_out = ResponderRows(overfit.valid, overfit.catalog, advised, text, EnvSettings(), 1)
    drawn = [row for row in (held_out.row(0, index) for index in range(len(held_out))) if row.loss.any()]
    assert validation_loss(load_causal_lm(tmp_path), drawn, 2) == pytest.approx(min(losses), abs=1e-4)


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 as the hub holds one: tied head, a tokenizer without our markers."""
    folder = tmp_path_factory.mktemp("hub")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(LINES * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    random_gpt2(len(fast), positions=256).save_pretrained(folder)
    return folder


_RELOAD = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from safetensors.torch import save_file
folder, out = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(folder).eval()
assert model.lm_head.weight.data_ptr() == model.get_input_embeddings().weight.data_ptr(), "the head is not tied"
ids = torch.arange(len(AutoTokenizer.from_pretrained(folder)))[None, -64:]
with torch.no_grad():
    save_file({"logits": model(input_ids=ids).logits}, out)
"""


def test_lora_result_is_one_plain_model_that_a_fresh_process_loads(
    corpus: Corpus, hub_folder: Path, tmp_path: Path
) -> None:
    policy = ROOMY.model_copy(update={"model": str(hub_folder), "max_new": 60, "lora": LoraSettings(rank=4, alpha=8)})
    trained(corpus, tmp_path / "sft", policy, steps=8, evaluate_every=8, warmup=1)
    saved, base = load_file(tmp_path / "sft" / "model.safetensors"), load_file(hub_folder / "model.safetensors")
    assert not [name for name in saved if "lora" in name or "token_adapter" in name or "base_layer" in name]
    layer, rows_of = "transformer.h.0.mlp.c_fc.weight", "transformer.wte.weight"
    assert not torch.equal(saved[layer], base[layer]), "adapters are merged"
    old = len(base[rows_of])
    torch.testing.assert_close(saved[rows_of][:old], base[rows_of], atol=0, rtol=0)
    tokenizer = load_tokenizer(str(tmp_path / "sft"))
    assert len(saved[rows_of]) == len(tokenizer) > old
    assert len({tuple(row.tolist()) for row in saved[rows_of][old:]}) == len(tokenizer) - old, "new rows are trained"

    out = tmp_path / "logits.safetensors"
    command = [sys.executable, "-c", _RELOAD, str(tmp_path / "sft"), str(out)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    with torch.no_grad():
        ids = torch.arange(len(tokenizer))[None, -64:]
        mine = load_causal_lm(tmp_path / "sft").eval()(input_ids=ids).logits
    torch.testing.assert_close(load_file(out)["logits"], mine, atol=0, rtol=0)


def test_replies_that_are_all_too_long_are_refused_not_waited_for(corpus: Corpus, tmp_path: Path) -> None:
    policy = POLICY.model_copy(update={"max_new": 1})
    settings = SupervisedSettings(steps=1, batch_size=2, evaluate_every=1, validation_rows=2)
    recommender = PopularFilms(corpus.train, corpus.catalog)
    with pytest.raises(ConfigError, match=r"policy\.max_new"):
        train_responder(
            corpus,
            recommender,
            small_planner(),
            policy,
            settings,
            EnvSettings(),
            tmp_path,
            tmp_path,
            lambda done, total, figures: None,
        )
