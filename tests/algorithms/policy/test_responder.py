"""Supervised training: what it learns from, that it learns, and that its result is one plain model."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from algorithms.policy.emotion_planner import TrainedEmotionPlanner
from algorithms.policy.language_model import load_causal_lm
from algorithms.policy.responder import PLANNER, batch_loss, is_conditioned, row_nats, train_responder, validation_loss
from algorithms.policy.responder_rows import Advice, ResponderRows, Row, training_dialogues
from algorithms.policy.text import ConversationText, load_tokenizer
from algorithms.settings.policy import LoraSettings, PolicySettings
from algorithms.settings.supervised import SupervisedSettings
from envs.corpora.corpus import Corpus
from envs.corpora.embedded.sample import sample_corpus
from envs.errors import ConfigError, ModelError
from envs.settings import EnvSettings
from envs.turns.proposals import PopularFilms
from tests.algorithms.doubles import LINES, POLICY, random_gpt2, small_planner

SHORT = SupervisedSettings(steps=30, batch_size=8, evaluate_every=10, warmup=3, validation_rows=16, learning_rate=3e-3)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    dialogues, catalog = sample_corpus(dialogues=40)
    return Corpus("sample", tuple(dialogues[:30]), tuple(dialogues[30:]), (), catalog, {})


def trained(corpus: Corpus, folder: Path, policy: PolicySettings = POLICY, **changed: Any) -> tuple[dict, list[float]]:
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


def hub_tokenizer(folder: Path) -> int:
    """A tokenizer without our markers, as the hub holds one, saved in the folder; gives its size."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(LINES * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    return len(fast)


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 as the hub holds one: tied head, a tokenizer without our markers."""
    folder = tmp_path_factory.mktemp("hub")
    random_gpt2(hub_tokenizer(folder), positions=256).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of Llama 2's make: a head of its own, a tokenizer without our markers."""
    folder = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(
        vocab_size=hub_tokenizer(folder),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=False,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("four_bit", [False, True])
def test_a_llama_learns_by_adapters_and_is_saved_whole(
    corpus: Corpus, llama_folder: Path, tmp_path: Path, four_bit: bool
) -> None:
    if four_bit:
        pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    lora = LoraSettings(rank=8, alpha=16)
    policy = ROOMY.model_copy(
        update={"model": str(llama_folder), "max_new": 60, "lora": lora, "four_bit": four_bit, "max_history": 120}
    )
    figures, losses = trained(corpus, tmp_path, policy, steps=10, evaluate_every=5, warmup=1, learning_rate=1e-2)
    assert losses[-1] < losses[0]
    saved, tokenizer = load_file(tmp_path / "model.safetensors"), load_tokenizer(str(tmp_path))
    assert not [name for name in saved if "lora" in name or "quant" in name or "token_adapter" in name]
    assert all(tensor.is_floating_point() for tensor in saved.values())
    old = len(load_file(llama_folder / "model.safetensors")["lm_head.weight"])
    assert len(saved["lm_head.weight"]) == len(tokenizer) > old
    slot, role = (saved["lm_head.weight"][tokenizer.convert_tokens_to_ids(name)] for name in ("<movie>", "<seeker>"))
    assert (slot - role).abs().max() > 1e-3, "the head's rows of the markers are not trained"
    text, planner = ConversationText(tokenizer, policy), small_planner()
    advised = Advice(PopularFilms(corpus.train, corpus.catalog), planner)
    held_out = ResponderRows(corpus.valid, corpus.catalog, advised, text, EnvSettings(), 1)
    drawn = [row for row in (held_out.row(0, index) for index in range(len(held_out))) if row.loss.any()]
    assert validation_loss(load_causal_lm(tmp_path), drawn, 4) == pytest.approx(figures["validation_loss"], abs=1e-4)


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


@pytest.mark.parametrize("padding", [3, 50], ids=["some-markers-on-padding", "all-markers-on-padding"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_markers_on_a_padded_table_are_trained_and_nothing_else_can_be_said(
    corpus: Corpus, llama_folder: Path, tmp_path: Path, tied: bool, padding: int
) -> None:
    """Pythia and Qwen fill their tables up to a round number; the markers' ids then are rows that exist already."""
    base = tmp_path / "padded"
    shutil.copytree(llama_folder, base)
    config = LlamaConfig.from_pretrained(llama_folder, tie_word_embeddings=tied)
    known = config.vocab_size
    config.vocab_size = known + padding
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(base)
    lora = LoraSettings(rank=4, alpha=8)
    policy = ROOMY.model_copy(update={"model": str(base), "max_new": 60, "lora": lora, "max_history": 120})
    trained(corpus, tmp_path / "sft", policy, steps=4, evaluate_every=4, warmup=1, learning_rate=1e-2)
    model, tokenizer = load_causal_lm(tmp_path / "sft"), load_tokenizer(str(tmp_path / "sft"))
    before = load_causal_lm(base)
    tables: Any = (
        (model.get_input_embeddings(), before.get_input_embeddings()),
        (model.get_output_embeddings(), before.get_output_embeddings()),
    )
    for rows, kept in ((table.weight, old.weight) for table, old in tables):
        assert len(rows) == len(tokenizer) == known + 7, "a row without a token could be sampled"
        torch.testing.assert_close(rows[:known], kept[:known], atol=0, rtol=0)
        slot, role = (rows[tokenizer.convert_tokens_to_ids(name)] for name in ("<movie>", "<seeker>"))
        mean = rows[:known].mean(0)
        assert min((slot - mean).abs().max(), (role - mean).abs().max()) > 1e-3, "a marker's row is not trained"


def test_more_positions_than_the_models_own_are_refused(corpus: Corpus, hub_folder: Path, tmp_path: Path) -> None:
    policy = ROOMY.model_copy(update={"model": str(hub_folder), "positions": 512})
    with pytest.raises(ConfigError, match=r"policy\.positions=512 is above the 256 positions"):
        trained(corpus, tmp_path, policy)


def test_training_that_diverges_stops_and_saves_nothing(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"diverged at step \d+: .*Lower supervised\.learning_rate"):
        trained(corpus, tmp_path / "out", ROOMY, learning_rate=1e30, warmup=1)
    assert not (tmp_path / "out").exists()


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


def test_training_without_validation_rows_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="validation dialogues"):
        trained(replace(corpus, valid=()), tmp_path / "out", ROOMY, steps=1)
    assert not (tmp_path / "out").exists()


def test_losses_are_weighted_in_training_and_counted_by_row() -> None:
    model, tokens = random_gpt2(), np.arange(8, dtype=np.int32)
    loss = np.arange(8) >= 5
    first, second = Row(tokens, loss, loss * 2.0), Row(tokens[::-1].copy(), loss, loss * 0.0)
    alike = Row(tokens, loss, loss * 1.0)
    weighted, count = batch_loss(model, [first, second])
    alone, plain_count = batch_loss(model, [alike])
    assert (count, plain_count) == (6.0, 3.0)
    assert weighted.item() == pytest.approx(2 * alone.item(), rel=1e-5)
    nats = row_nats(model, [second, first], 1)
    assert nats[1] == pytest.approx(alone.item(), rel=1e-5)
    assert nats[0] > 0
    assert validation_loss(model, [first, second], 2) == pytest.approx(nats.sum() / 6, rel=1e-5)


def test_folder_says_how_its_policy_is_conditioned(corpus: Corpus, tmp_path: Path) -> None:
    few = {"steps": 2, "evaluate_every": 2}
    trained(corpus, tmp_path / "full", ROOMY, **few)
    trained(corpus, tmp_path / "none", ROOMY, **few, conditioning="none")
    assert is_conditioned(tmp_path / "full") and not is_conditioned(tmp_path / "none")
    contexts = [dialogue.utterances[:2] for dialogue in corpus.valid]
    assert TrainedEmotionPlanner.load(tmp_path / "full" / PLANNER).plan(contexts) == small_planner().plan(contexts)
    with pytest.raises(ModelError, match="respond train"):
        is_conditioned(tmp_path)


def test_training_draws_from_as_many_dialogues_as_it_has_rows(corpus: Corpus) -> None:
    drawn = training_dialogues(corpus, SHORT.model_copy(update={"steps": 2, "batch_size": 3}))
    assert len(drawn) == 6 and all(dialogue in corpus.train for dialogue in drawn)
    assert training_dialogues(corpus, SHORT) == list(corpus.train)
